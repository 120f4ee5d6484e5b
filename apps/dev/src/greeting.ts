import pc from 'picocolors';

export interface GreetingFacts {
  redis: string;
  controlUrl: string;
  edgeUrls: readonly string[];
  key: string;
  /** Whether control-api serves it. */
  console: boolean;
  topics: readonly string[];
  logs: string;
}

const MESSAGE = '{"goal":1}';

/** The three lines to paste, each as it stands. */
export function linesToPaste({
  controlUrl,
  key,
  topics,
}: Pick<GreetingFacts, 'controlUrl' | 'key' | 'topics'>): string[] {
  const topic = topics[0] ?? '';
  return [
    `npx holdfast listen --register me --topics ${topic}`,
    `npx holdfast publish ${topic} '${MESSAGE}'`,
    `curl -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' -d '${MESSAGE}' ${controlUrl}/v1/topics/${topic}/messages`,
  ];
}

/** What npm start prints when all is up. */
export function greeting(facts: GreetingFacts): string {
  const rows: [string, string][] = [
    ['Redis', facts.redis],
    ['control-api', `${facts.controlUrl}   to try it in a browser: ${facts.controlUrl}/docs#key=${facts.key}`],
    ...(facts.console ? [['Console', `${facts.controlUrl}/console#key=${facts.key}`] satisfies [string, string]] : []),
    ...facts.edgeUrls.map((url): [string, string] => ['socket-edge', url]),
    ['API key', `${facts.key}   with every right but to create topics on demand`],
    ['Topics', facts.topics.join(', ')],
    ['Logs', facts.logs],
  ];
  const [listen, publish, curl] = linesToPaste(facts);
  return [
    '',
    pc.bold(pc.green('Holdfast is up.')),
    ...rows.map(([name, value]) => `  ${pc.dim(name.padEnd(12))} ${value}`),
    '',
    'In a second terminal, in this folder: register and listen',
    `  ${listen}`,
    'In a third one: publish',
    `  ${publish}`,
    'The same with curl',
    `  ${curl}`,
    '',
    'Ctrl-C stops it all.',
    '',
  ].join('\n');
}
