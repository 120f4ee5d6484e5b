import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { ClientPage, Rest } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { CliError, exitCodes } from '../errors.ts';
import type { Invocation } from '../invocation.ts';
import { printable } from '../output.ts';
import { rememberedClients, whichClient } from '../remembered-clients.ts';
import { pick } from './pick.ts';

/** For `--help`. */
export const CLIENT_ARGUMENT = 'its UUID or its name, or with a key that may manage it its ref';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REF = /^[0-9a-f]{16}$/i;
/** Clients of other keys are found by reading the list of all, by a hundred calls at most. */
const MAX_READ = 100 * MAX_PAGE;

type Known = ClientPage['clients'][number];

/**
 * The UUID of a client that a person names by that, by its ref, or by its name, which is unique within the API key. A key
 * that manages all clients finds those of other keys, too; one that may not look at clients the names that were
 * registered from here. Raises CliError `no-such-name`, `ambiguous-name`, and `uuid-needed` for a client of another key,
 * whose UUID is not shown.
 */
export async function clientNamed(invocation: Invocation, text: string): Promise<string> {
  const id = await named(invocation, text, ({ clientId }) => clientId);
  if (!REF.test(id)) return id;
  const { clientId, key } = await (await invocation.rest()).getClient(id);
  if (clientId !== undefined) return clientId;
  const message = `"${printable(text)}" is a client of the API key "${key}": its UUID is needed, which is shown to that key alone.`;
  throw new CliError(exitCodes.refused, 'uuid-needed', message);
}

/**
 * The same for calls that take a ref: with one a key that may manage the client reaches it also after its authorization
 * has ended, when its UUID opens nothing.
 */
export function managedClientNamed(invocation: Invocation, text: string): Promise<string> {
  return named(invocation, text, ({ ref }) => ref);
}

async function named(
  invocation: Invocation,
  text: string,
  idOf: (client: Known) => string | undefined,
): Promise<string> {
  // Both have a form of their own; a client whose name has it is named by its ref.
  if (UUID.test(text) || REF.test(text)) return text;
  const rest = await invocation.rest();
  const own = await orNone(ofOwnKey(rest, text));
  const id = (own && idOf(own)) ?? (await remembered(invocation, text));
  if (id !== undefined) return id;
  const all = await orNone(ofAllKeys(rest, text));
  const { ref } = pick({
    what: all === undefined ? 'client of this API key' : 'client',
    text,
    ...(all?.isCut === true
      ? { missing: `None of the first ${MAX_READ} clients is named "${printable(text)}": use its ref.` }
      : {}),
    heading: ['ref', 'key', 'name', 'user', 'connected'],
    matching: (all?.clients ?? []).map((client) => ({
      value: client,
      columns: [client.ref, client.key, client.name ?? '', client.user ?? '', client.connected ? 'yes' : 'no'],
    })),
  });
  return ref;
}

async function ofOwnKey(rest: Rest, name: string): Promise<Known | undefined> {
  const { clients } = await rest.clients({ name });
  return clients[0];
}

/** Those of that name, and whether the list of all clients was longer than what is read of it. */
async function ofAllKeys(rest: Rest, name: string): Promise<{ clients: Known[]; isCut: boolean }> {
  // A key that may not see other keys may do nothing with their clients.
  await rest.keys({ limit: 1 });
  const clients: Known[] = [];
  let cursor: string | null = null;
  let read = 0;
  do {
    const page: ClientPage = await rest.clients({ cursor, limit: MAX_PAGE });
    clients.push(...page.clients.filter((client) => client.name === name));
    read += page.clients.length;
    ({ cursor } = page);
  } while (cursor !== null && read < MAX_READ);
  return { clients, isCut: cursor !== null };
}

/** Undefined when the key may not ask. */
async function orNone<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HoldfastError && (error.code === 'not-permitted' || error.code === 'key-missing')) {
      return undefined;
    }
    throw error;
  }
}

async function remembered(invocation: Invocation, name: string): Promise<string | undefined> {
  return rememberedClients(invocation).find(await whichClient(invocation, name));
}
