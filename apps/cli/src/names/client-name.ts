import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { ClientPage } from '@holdfast/client/rest';
import { CliError, exitCodes } from './errors.ts';
import type { Invocation } from './invocation.ts';
import { rememberedClients, whichClient } from './remembered-clients.ts';

/** For `--help`. */
export const CLIENT_ARGUMENT = 'its UUID or its name, or with a key that may manage it its ref';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REF = /^[0-9a-f]{16}$/i;

type Known = ClientPage['clients'][number];

/**
 * The UUID or ref of a client that a person names by either, or by its name, which is unique within the API key. A key
 * that may not look at clients finds the names that were registered from here. Raises CliError `no-such-name`.
 */
export function clientNamed(invocation: Invocation, text: string): Promise<string> {
  return named(invocation, text, ({ clientId }) => clientId);
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
  if (UUID.test(text) || REF.test(text)) return text;
  const client = await known(invocation, text);
  const id = (client && idOf(client)) ?? (await remembered(invocation, text));
  if (id !== undefined) return id;
  throw new CliError(exitCodes.refused, 'no-such-name', `No client of this API key is named "${text}".`);
}

async function known(invocation: Invocation, name: string): Promise<Known | undefined> {
  try {
    const { clients } = await (await invocation.rest()).clients({ name });
    return clients[0];
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
