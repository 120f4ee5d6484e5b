import { configSchema } from '../apps/control-api/src/config.ts';
import { edgeVariables } from '../apps/socket-edge/src/config.ts';
import { PROBED, frameCases } from '../apps/socket-edge/src/testing/rfc6455-cases.ts';
import { type AfterClose, closeCodes } from '../packages/protocol/src/close-codes.ts';
import { problemOf, problems } from '../packages/protocol/src/problems.ts';
import { type ConfigRow, describeConfig } from '../packages/service/src/config.ts';
import { code, page, table } from './markdown.ts';

/** The variables of both services; those that both have are listed once. */
export function configurationPage(): string {
  const control = describeConfig(configSchema);
  const edge = describeConfig(edgeVariables);
  const shared = control.filter((row) => edge.some(({ variable }) => variable === row.variable));
  const isOwn = (row: ConfigRow) => !shared.some(({ variable }) => variable === row.variable);
  return page(
    'Configuration',
    "the schemas in the services' `config.ts`",
    'Environment variables, read once at the start. An empty variable counts as not set. When any are wrong the service ' +
      'prints all of them to standard error and exits with 2.',
    '## Both services',
    variables(shared),
    '## control-api',
    variables(control.filter(isOwn)),
    '## socket-edge',
    variables(edge.filter(isOwn)),
  );
}

function variables(rows: readonly ConfigRow[]): string {
  return table(
    ['variable', 'default', 'meaning'],
    rows.map(({ variable, default: fallback, meaning }) => [
      code(variable),
      fallback === null ? 'none' : code(fallback),
      meaning,
    ]),
  );
}

const EXAMPLE = problemOf('topic-not-found', { detail: 'No such topic: news.sport', topics: ['news.sport'] });

export function problemsPage(): string {
  const rows = Object.entries(problems).map(([name, { status, title }]) => [String(status), code(name), title]);
  return page(
    'Problems',
    '`packages/protocol/src/problems.ts`',
    'The answer to a refused HTTP request, from control-api and from an edge before the upgrade: ' +
      '`application/problem+json` (RFC 9457). `code` is constant and for programs; `detail` is for people. ' +
      '`topics` names the topics concerned, `errors` every wrong field and the rule it broke.',
    '```json\n' + JSON.stringify(EXAMPLE, null, 2) + '\n```',
    table(['status', 'code', 'title'], rows),
  );
}

const nextSteps: Record<AfterClose, string> = {
  'reconnect-after-delay': 'reconnect after the delay in the reason, and resume',
  'reconnect-with-backoff': 'reconnect with back-off, and resume',
  reconnect: 'reconnect with back-off, and resume',
  stop: 'do not reconnect',
  'authorize-again': 'get a new token, reconnect, resume',
  'register-again': 'register again; the client id is unknown now',
};

export function closeCodesPage(): string {
  const rows = Object.values(closeCodes).map(({ code: number, reason, next }) => [
    String(number),
    reason,
    nextSteps[next],
  ]);
  return page(
    'Close codes',
    '`packages/protocol/src/close-codes.ts`',
    'The codes with which an edge closes a connection. The reason is for people and may have details ' +
      '(`bad-frame: not JSON`), except for 1012, whose reason is `retry-after-ms=<milliseconds>`.',
    table(['code', 'name', 'what the client does'], rows),
    'Every other code, and a connection that ends without one (1006), means: reconnect with back-off, and resume.',
  );
}

/** Longer payloads are cut; the column before describes them. */
const SHOWN_CHARACTERS = 66;

export function rfc6455Page(): string {
  const rows = frameCases.map(({ section, what, requires, seen }) => {
    const answers = seen.filter((frame) => frame !== PROBED);
    return [section, what, requires, answers.length === 0 ? 'goes on' : summaryOf(answers)];
  });
  return page(
    'RFC 6455, case by case',
    '`apps/socket-edge/src/testing/rfc6455-cases.ts`',
    'What the RFC requires of a server, and what an edge answers: `rfc6455.redis.test.ts` sends each of these to a running ' +
      'edge and compares. _Goes on_ means that the edge answers a ping after it. Where the RFC names 1002, 1007 ' +
      'or 1009 an edge closes with 4400, one code for everything that a client must not send.',
    table(['section', 'sent', 'the RFC', 'the edge'], rows),
  );
}

function summaryOf(answers: readonly string[]): string {
  const [first = '', ...more] = answers;
  const shown = code(first.length > SHOWN_CHARACTERS ? `${first.slice(0, SHOWN_CHARACTERS)}…` : first);
  const last = answers.at(-1) ?? '';
  if (more.length === 0) return shown;
  return more.length === 1 ? `${shown}, ${code(last)}` : `${shown} … ${code(last)} (${answers.length} frames)`;
}
