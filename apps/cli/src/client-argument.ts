import { HoldfastError } from '@holdfast/client/holdfast-error';
import { CliError, exitCodes } from './errors.ts';
import type { Invocation } from './invocation.ts';
import { rememberedClients, whichClient } from './remembered-clients.ts';

/** For `--help`. */
export const CLIENT_ARGUMENT = 'its UUID or its name, or with a key that may manage it its ref';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REF = /^[0-9a-f]{16}$/i;

/**
 * The UUID or ref of a client that a person names by either, or by its name, which is unique within the API key. A key
 * that may not look at clients finds the names that were registered from here. Raises CliError `no-such-name`.
 */
export async function clientNamed(invocation: Invocation, text: string): Promise<string> {
  if (UUID.test(text) || REF.test(text)) return text;
  const clientId = (await known(invocation, text)) ?? (await remembered(invocation, text));
  if (clientId !== undefined) return clientId;
  throw new CliError(exitCodes.refused, 'no-such-name', `No client of this API key is named "${text}".`);
}

async function known(invocation: Invocation, name: string): Promise<string | undefined> {
  try {
    const { clients } = await (await invocation.rest()).clients({ name });
    return clients[0]?.clientId;
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
