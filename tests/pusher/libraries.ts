import EchoModule from 'laravel-echo';
import Pusher from 'pusher';
import PusherJsModule, { type Options } from 'pusher-js';
import type { App, DoorUrls } from './installation.ts';

/** Its types say `{ default: … }`, as bundlers see it; for Node the module is the class itself. */
export const PusherJs = PusherJsModule as unknown as typeof PusherJsModule.default;
export type PusherJs = InstanceType<typeof PusherJs>;
export const Echo = EchoModule;

/** 32 bytes with which the backend derives the keys of encrypted channels. */
const ENCRYPTION_KEY = Buffer.alloc(32, 'holdfast').toString('base64');

/** The server library, told where the door is and nothing else. */
export function backendOf({ controlUrl }: Pick<DoorUrls, 'controlUrl'>, { appId, key, secret }: App): Pusher {
  const { hostname: host, port } = new URL(controlUrl);
  return new Pusher({ appId, key, secret, host, port, useTLS: false, encryptionMasterKeyBase64: ENCRYPTION_KEY });
}

/** What a page says to pusher-js: host and port of an edge, or of what stands before it. */
export function hostOptions(url: string): Options & { cluster: string } {
  const { hostname: wsHost, port } = new URL(url);
  return {
    wsHost,
    wsPort: Number(port),
    wssPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    cluster: 'any',
  };
}

interface Token {
  sign: (text: string) => string;
}

/** The `auth` for any text, signed by the server library. */
export function authOf({ key, secret }: App, text: string): string {
  // Exported as a class, typed as an interface.
  const { Token } = Pusher as unknown as { Token: new (key: string, secret: string) => Token };
  return `${key}:${new Token(key, secret).sign(text)}`;
}
