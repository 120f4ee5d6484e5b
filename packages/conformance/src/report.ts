import type { Verdict } from './run.ts';
import { type Profile, type Scenario, profiles } from './scenario/scenario.ts';

const PROTOCOL_PAGE = 'docs/protocol.md';

/** One scenario, as it ended; a failure with what was expected and seen. */
export function verdictText({ scenario, failure, ms }: Verdict): string {
  const line = `${failure === undefined ? 'passed' : 'FAILED'}  ${scenario.name}  ${ms} ms\n`;
  if (failure === undefined) return line;
  const { step, action, why, expected, seen } = failure;
  return [
    line,
    `        ${scenario.promise}\n`,
    `        ${scenario.level}, ${PROTOCOL_PAGE} section ${scenario.section}; step ${step}: ${action}\n`,
    ...(why === undefined ? [] : [`        ${why}\n`]),
    `          expected  ${expected}\n`,
    `          seen      ${seen}\n`,
  ].join('');
}

export function summaryText(verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ failure }) => failure !== undefined).length;
  return `${verdicts.length - failed} passed, ${failed} failed\n`;
}

/** For programs. */
export function jsonReport(verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ failure }) => failure !== undefined).length;
  const scenarios = verdicts.map(({ scenario, failure, ms }) => ({
    ...described(scenario),
    passed: failure === undefined,
    ms,
    ...(failure !== undefined && { failure }),
  }));
  return `${JSON.stringify({ passed: verdicts.length - failed, failed, scenarios }, null, 2)}\n`;
}

/** A table that the README of an SDK can show. */
export function markdownReport(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ scenario: { name, promise, level, profile }, failure }) =>
      `| ${name} | ${profile} | ${level} | ${promise} | ${failure === undefined ? 'yes' : '**no**'} |`,
  );
  const used = Object.keys(profiles).filter((name) => verdicts.some(({ scenario }) => scenario.profile === name));
  return [
    `Conformance with ${PROTOCOL_PAGE}, profiles ${used.join(', ')}: ${summaryText(verdicts)}`,
    '| scenario | profile | level | the client | does so |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** What there is, for `--list`. */
export function listText(scenarios: readonly Scenario[]): string {
  const byProfile = Map.groupBy(scenarios, ({ profile }) => profile);
  return (Object.keys(profiles) as Profile[])
    .filter((profile) => byProfile.has(profile))
    .map((profile) => {
      const lines = (byProfile.get(profile) ?? []).map(
        ({ name, promise, level, section }) => `  ${name}  ${promise} (${level}, ${section})\n`,
      );
      return `${profile}: ${profiles[profile]}\n${lines.join('')}`;
    })
    .join('\n');
}

/** The same for programs. */
export function jsonList(scenarios: readonly Scenario[]): string {
  return `${JSON.stringify(scenarios.map(described), null, 2)}\n`;
}

function described({ name, profile, level, section, promise }: Scenario): object {
  return { name, profile, level, section, promise };
}
