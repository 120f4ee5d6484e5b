import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Finds words that only this repository used for what has a name in its field (docs/glossary.md): `npm run words` prints
// each place and their number, and exits with 1 when there is one.

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCANNED = /\.(ts|js|mjs|c|h|lua|md|sh|ya?ml)$/;
const NOT_SCANNED = [
  'bench/results/', // kept as they were measured
  'docs/reference/', // generated from what is scanned
  'docs/glossary.md', // names them
  'scripts/check-words.ts',
];

/** Names that are stored or published, and stay. They are taken out of texts before these are read. */
const DATA: readonly RegExp[] = [
  /\b(holdfast_)?canar(y|ies)_\w+|\bholdfast_canary\b/g, // metrics
  /:unsettled\b|(?<=['"`])unsettled(?=['"`])/g, // a key in Redis
  /\bdeaf-subscription\b/g, // a fault, as `prove` takes and prints it
  /(?<=['"`])canary(?=['"`])/g, // on the live channel, as edges of every version publish it
  /(?<=['"`])deaf(?=['"`])/g, // a kind of violation, in the report of `prove --random`
];
/** Where the names of code are those of the data: fields in Redis. */
const FIELDS: readonly { name: string; only: string }[] = [{ name: 'born', only: 'packages/broker/' }];

interface Entry {
  /** The word of the field. */
  use: string;
  /** Counted in names, comments, texts and pages. */
  words?: string;
  /** Ordinary English, counted as parts of names only. */
  names?: string;
  /** Whole names. */
  exact?: string;
  /** Counted in comments, texts and pages. */
  phrases?: RegExp;
  /** Beginnings of the paths where the entry counts; default: everywhere. */
  only?: readonly string[];
}

const EDGE = 'apps/socket-edge/';
const BROKER = 'packages/broker/';

const ENTRIES: readonly Entry[] = [
  { use: 'dirty set', names: 'letter letters', phrases: /\bletter ?box(es)?\b|\bletters? (is|are|was|were) taken\b/gi },
  { use: 'wake-up', words: 'doorbell doorbells', names: 'rings ringing' },
  { use: 'wake-up, replay buffer', exact: 'ring', only: [EDGE, BROKER] },
  { use: 'subscriber, subscribed, stalled', names: 'ear ears hear hears heard hearing', words: 'deaf' },
  { use: 'subscriber', phrases: /\b(the|an|its|each|every|one|this|that) ears?\b|\bhears? of\b/gi },
  { use: 'publish, emit, log, report, notify', names: 'say says said saying tell tells told' },
  { use: 'notify, report', phrases: /\b(is|are|was|were|be|been|being) told\b|\bnobody\b/gi },
  { use: 'batch', names: 'lot lots', phrases: /\bin lots\b|\blots? of (up to|at most|\d+)\b/gi },
  { use: 'slicer, semaphore', names: 'pace gate' },
  { use: 'connection registry', words: 'roster rosters' },
  // Elsewhere it is the claim of a token.
  { use: 'live subscribers', names: 'audience audiences', only: [EDGE] },
  { use: 'topics, topic, sequencer', names: 'feed feeds follower followers pump', only: [EDGE] },
  { use: 'emit, drained', words: 'giveOn handedOn' },
  { use: 'lagging', exact: 'behind isBehind fallBehind startBehind behindMs', only: [EDGE] },
  { use: 'lastReceived, lastSent', exact: '#head #tail onHead', only: [EDGE] },
  { use: 'createdAt, startPosition, contains', names: 'born stands' },
  { use: 'closed ranges, acknowledge', exact: 'noted forgetEnded noteEnded endedRanges' },
  { use: 'pending, intent, intent log', words: 'unsettled ledger ledgers' },
  { use: 'recover, intent', names: 'settle settles settling operation operations', only: [EDGE, BROKER] },
  { use: 'tombstone', exact: 'LeftTopic leftKey forgetLeft' },
  { use: 'desired, disconnectRequested', words: 'wish wishes wished unwanted', exact: 'wants' },
  { use: 'loopback probe', words: 'canary canaries birds' },
  { use: 'pending handshakes', names: 'openings', only: [EDGE] },
  { use: 'previous owner, late attempt, unknown outcome', words: 'rival rivals ghost ghosts unsure' },
  { use: 'survey', names: 'question questions', words: 'askServed', only: [EDGE, BROKER, 'packages/protocol/'] },
  { use: 'reaper, release', words: 'walker walkers sweeper sweepers', exact: 'giveUp giveUpAll' },
  { use: 'counters', words: 'tally tallies' },
  { use: 'worker channel, worker pool, worker', words: 'seat seats crew crews', exact: 'hand hands Hand' },
  { use: 'client pool', words: 'fleet fleets' },
  { use: 'unexpected, state file', words: 'stray strays footprint footprints' },
  {
    use: 'exit clean-up, lower priority',
    exact: 'lastWill giveWay',
    phrases: /\blast wills?\b|\bgiv(e|es|ing|en) way\b/gi,
  },
  { use: 'inbox', exact: 'OwnTopic ownTopic OWN_TOPIC', phrases: /\b(the|an?|each|every|clients?'s?) own topics?\b/gi },
  { use: 'deps', names: 'world' },
];

interface Rule {
  only: readonly string[];
  use: string;
}

/** What a file says, by what it is: names of code, and text for people. */
interface Part {
  isName: boolean;
  text: string;
  line: number;
}

const parts = {
  lua: /(--[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|[A-Za-z_]\w*/g,
  code: /(\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`)|#?[A-Za-z_$][\w$]*/g,
};

const byWord = new Map<string, Rule>();
const byNamePart = new Map<string, Rule>();
const byName = new Map<string, Rule>();
for (const { use, only = [''], words = '', names = '', exact = '' } of ENTRIES) {
  for (const word of list(words)) byWord.set(word.toLowerCase(), { only, use });
  for (const name of list(`${words} ${names}`)) byNamePart.set(name.toLowerCase(), { only, use });
  for (const name of list(`${words} ${exact}`)) byName.set(name, { only, use });
}

let count = 0;
for (const file of execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).split('\n')) {
  if (!SCANNED.test(file) || NOT_SCANNED.some((start) => file.startsWith(start))) continue;
  for (const { word, use } of wordsOfName(file, file)) found(file, 0, word, use);
  for (const part of partsOf(file)) {
    const words = part.isName ? wordsOfName(part.text, file) : wordsOfText(part.text, file);
    for (const { word, use, at = 0 } of words) found(file, part.line + linesIn(part.text.slice(0, at)), word, use);
  }
}
process.stdout.write(`${count} words of our own\n`);
if (count > 0) process.exitCode = 1;

function found(file: string, line: number, word: string, use: string): void {
  count += 1;
  process.stdout.write(`${file}:${line}: ${word} → ${use}\n`);
}

function partsOf(file: string): Part[] {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  if (!/\.(ts|js|mjs|c|h|lua)$/.test(file)) return [{ isName: false, text, line: 1 }];
  const tokens = text.matchAll(file.endsWith('.lua') ? parts.lua : parts.code);
  let line = 1;
  let counted = 0;
  return [...tokens].map(({ 0: token, 1: prose, index }) => {
    line += linesIn(text.slice(counted, index));
    counted = index;
    return { isName: prose === undefined, text: token, line };
  });
}

interface Found {
  word: string;
  use: string;
  at?: number;
}

function wordsOfName(name: string, file: string): Found[] {
  const whole = byName.get(name) ?? byName.get(name.replace(/^#/, ''));
  if (whole !== undefined) return [{ word: name, use: whole.use }].filter(() => counts(whole, name, file));
  const words = name.replaceAll(/([a-z\d])([A-Z])/g, '$1 $2').split(/[^A-Za-z]+/);
  return words.flatMap((word) => {
    const rule = byNamePart.get(word.toLowerCase());
    return rule !== undefined && counts(rule, name, file) ? [{ word: name, use: rule.use }] : [];
  });
}

function wordsOfText(withData: string, file: string): Found[] {
  const text = DATA.reduce((rest, name) => rest.replaceAll(name, (data) => ' '.repeat(data.length)), withData);
  const words = [...text.matchAll(/[A-Za-z][\w-]*/g)].flatMap(({ 0: token, index }) =>
    token.split(/[-_]|(?<=[a-z])(?=[A-Z])/).flatMap((word) => {
      const rule = byWord.get(word.toLowerCase());
      return rule !== undefined && counts(rule, token, file) ? [{ word: token, use: rule.use, at: index }] : [];
    }),
  );
  const phrases = ENTRIES.flatMap(({ phrases: pattern, use, only = [''] }) =>
    pattern === undefined || !only.some((start) => file.startsWith(start))
      ? []
      : [...text.matchAll(pattern)].map(({ 0: word, index }) => ({ word, use, at: index })),
  );
  return [...words, ...phrases];
}

function counts({ only }: Rule, name: string, file: string): boolean {
  const isField = FIELDS.some((field) => field.name === name && file.startsWith(field.only));
  return !isField && only.some((start) => file.startsWith(start));
}

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}

function list(words: string): string[] {
  return words.split(' ').filter(Boolean);
}
