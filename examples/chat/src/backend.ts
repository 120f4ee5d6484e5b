/** The calls of the page to its own backend. */

export interface Session {
  readonly user: string | null;
  readonly controlUrl: string;
}

/** Each page is a client of its own: it reads the history, so that nothing has to outlive a reload. */
const tab = crypto.randomUUID();

function post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(path, { method: 'POST', headers, body: JSON.stringify(body), ...(signal && { signal }) });
}

export async function session(): Promise<Session> {
  return (await (await fetch('/session')).json()) as Session;
}

export async function signIn(name: string): Promise<boolean> {
  return (await post('/login', { name })).ok;
}

export async function signOut(): Promise<void> {
  await post('/logout', {});
}

/** Null: not signed in any more. What it throws is tried again. */
export async function fetchToken({ signal }: { signal?: AbortSignal } = {}): Promise<string | null> {
  const response = await post('/token', { tab }, signal);
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return token;
}

/** Rejects when it was not accepted. `id` is the same when it is sent again. */
export async function send(room: string, text: string, id: string): Promise<void> {
  const response = await post('/messages', { room, text, id });
  if (!response.ok) throw new Error(`not sent: ${response.status}`);
}
