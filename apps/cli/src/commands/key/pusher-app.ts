import { randomBytes, randomInt } from 'node:crypto';
import { CliError, exitCodes } from '../../errors.ts';
import type { KeysPlace } from './place.ts';

/** Digits, for there are libraries that read the id of an app as a number. */
const APP_ID = { min: 100_000_000, max: 1_000_000_000 };
const KEY_BYTES = 10;
const SECRET_BYTES = 16;

interface PusherOptions {
  pusher?: true;
  clientEvents?: true;
}

export interface NewApp {
  appId: string;
  key: string;
  secret: string;
  clientEvents: boolean;
}

/** What makes a key an app of the Pusher door; undefined: it is to be none. */
export function newApp({ pusher, clientEvents }: PusherOptions): NewApp | undefined {
  if (pusher === undefined) {
    if (clientEvents === undefined) return undefined;
    throw new CliError(exitCodes.usage, 'client-events-without-pusher', '--client-events is for an app, of --pusher.');
  }
  return {
    appId: String(randomInt(APP_ID.min, APP_ID.max)),
    key: randomBytes(KEY_BYTES).toString('hex'),
    secret: randomBytes(SECRET_BYTES).toString('hex'),
    clientEvents: clientEvents === true,
  };
}

/** What a backend with a Pusher library is set to: the lines of an `.env`, as Laravel and others name them. */
export function appLines({ appId, key, secret }: NewApp, place: KeysPlace): string[] {
  const controlUrl = place.kind === 'api' ? place.controlUrl : place.readBy;
  return [
    'It is an app for Pusher libraries. Its secret is shown this once too; the keys file has it in plain text, and is for',
    'its owner alone. For the .env of a backend:',
    '',
    `  PUSHER_APP_ID=${appId}`,
    `  PUSHER_APP_KEY=${key}`,
    `  PUSHER_APP_SECRET=${secret}`,
    ...(controlUrl === null ? HOST_UNKNOWN : hostLines(controlUrl)),
    '',
  ];
}

const HOST_UNKNOWN = ['', 'and PUSHER_HOST, PUSHER_PORT and PUSHER_SCHEME for the address of control-api.'];

function hostLines(controlUrl: string): string[] {
  const { protocol, hostname, port } = new URL(controlUrl);
  const scheme = protocol.replace(':', '');
  return [
    `  PUSHER_HOST=${hostname}`,
    `  PUSHER_PORT=${port || (scheme === 'https' ? '443' : '80')}`,
    `  PUSHER_SCHEME=${scheme}`,
  ];
}
