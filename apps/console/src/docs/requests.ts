import type { Request } from '../api/request.ts';
import { parseExactly, printed } from '../state/exact-json.ts';
import { type Call, type Parameter, jsonOf } from './openapi.ts';

/** What was typed for a call. */
export interface Filled {
  /** By name; '' is not given. */
  readonly parameters: Readonly<Record<string, string>>;
  /** '' is none. */
  readonly body: string;
}

/** The examples of a call: with the first body, when it has several. */
export function examplesOf(call: Call): Filled {
  const parameters = (call.parameters ?? []).map(({ name, example }) => [name, textOf(example)] as const);
  const [first] = bodiesOf(call);
  return { parameters: Object.fromEntries(parameters), body: first?.text ?? '' };
}

/** Bodies that can be tried, each with what it shows. */
export function bodiesOf({ requestBody }: Call): { name: string; text: string }[] {
  const { examples = {} } = jsonOf(requestBody?.content) ?? {};
  return Object.entries(examples).map(([name, { value }]) => ({ name, text: JSON.stringify(value, null, 2) }));
}

/** The call as it is sent. What its path still lacks stands there as `{name}`. */
export function requestOf(call: Call, { parameters, body }: Filled): Request<unknown> {
  const { method, security = [] } = call;
  const given = (where: Parameter['in']): [string, string][] =>
    (call.parameters ?? []).flatMap(({ name, in: place }) => {
      const value = parameters[name] ?? '';
      return place === where && value !== '' ? [[name, value] as [string, string]] : [];
    });
  const values = new Map(given('path'));
  return {
    method,
    path: call.path.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values.get(name);
      return value === undefined ? whole : encodeURIComponent(value);
    }),
    query: Object.fromEntries(given('query')),
    headers: Object.fromEntries(given('header')),
    ...(body.trim() === '' ? {} : { body: onOneLine(body) }),
    ...(security.length === 0 ? { withoutKey: true } : {}),
  };
}

/** The required parameters that have no value yet. */
export function missingOf({ parameters = [] }: Call, filled: Filled): string[] {
  return parameters.filter(({ name, required }) => required && !filled.parameters[name]).map(({ name }) => name);
}

/** Without the spaces between values, numbers as they are written; what is no JSON stays as it is. */
function onOneLine(text: string): string {
  try {
    return printed(parseExactly(text));
  } catch {
    return text;
  }
}

function textOf(example: unknown): string {
  if (example === undefined) return '';
  return typeof example === 'string' ? example : JSON.stringify(example);
}
