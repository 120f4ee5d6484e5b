/** Only in types: what a request is answered with. */
declare const answered: unique symbol;

/** A call of the API as a value: it can be sent, and shown as a curl line. */
export interface Request<Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the origin, each part encoded: see {@link path}. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** JSON text. */
  readonly body?: string;
  /** Besides those that every call has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** It takes no API key. */
  readonly withoutKey?: boolean;
  /** A credential in the path: where the call is shown, a variable of the shell stands for it. */
  readonly hidden?: { readonly value: string; readonly variable: string };
  readonly [answered]?: Answer;
}

/** A path whose values are encoded: path`/v1/topics/${topic}`. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

export function get<Answer>(to: string, query: Request<Answer>['query'] = {}): Request<Answer> {
  return { method: 'GET', path: to, query };
}

/** With the value as JSON, when there is one. */
export function change<Answer>(method: 'POST' | 'PUT' | 'DELETE', to: string, value?: unknown): Request<Answer> {
  return { method, path: to, ...(value === undefined ? {} : { body: JSON.stringify(value) }) };
}

/** The path with its query. */
export function targetOf({ path: to, query = {} }: Request<unknown>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? to : `${to}?${text}`;
}
