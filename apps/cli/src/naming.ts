import type { Registration } from '@holdfast/client/rest';
import type { Invocation } from './invocation.ts';
import { RememberedClients, type WhichClient } from './remembered-clients.ts';

/** Registers a client, and remembers it when it has a name. */
export async function registerClient(
  invocation: Invocation,
  wanted: { name?: string | undefined; topics?: readonly string[] | undefined; clientId?: string | undefined },
): Promise<Registration> {
  const rest = await invocation.rest();
  const registration = await rest.register(wanted);
  if (wanted.name !== undefined) {
    const which = await whichClient(invocation, wanted.name);
    await memory(invocation).remember({ ...which, clientId: registration.clientId });
  }
  return registration;
}

export function memory({ terminal }: Invocation): RememberedClients {
  return new RememberedClients(terminal.rememberedClientsDirectory);
}

export async function whichClient(invocation: Invocation, name: string): Promise<WhichClient> {
  const { controlUrl, key = '' } = await invocation.target();
  return { controlUrl: new URL(controlUrl).href, keyId: key.split('.')[0] ?? '', name };
}
