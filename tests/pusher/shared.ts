import type Pusher from 'pusher';
import { inject } from 'vitest';
import type { Application } from './application.ts';
import { Client, type ClientOptions } from './client.ts';
import { type FrameSocket, openFrames } from './frames.ts';
import type { AppName } from './installation.ts';
import { backendOf } from './libraries.ts';

export const door = inject('door');

export const backend: Pusher = backendOf(door, door.apps.main);

export interface Place {
  /** Which edge; default the first. */
  edge?: number;
  app?: AppName;
}

const edgeUrl = (edge = 0): string => {
  const url = door.edgeUrls[edge];
  if (url === undefined) throw new Error(`there is no edge ${edge}`);
  return url;
};

/** pusher-js at an edge of the installation that all share. */
export function client({
  edge,
  app = 'main',
  ...options
}: Place & { user?: string; application?: Application } & Partial<ClientOptions> = {}): Client {
  return new Client({ url: edgeUrl(edge), key: door.apps[app].key, ...options });
}

/** One that sees every byte. */
export function frames({ edge, app = 'main', query }: Place & { query?: string } = {}): Promise<FrameSocket> {
  return openFrames(edgeUrl(edge), door.apps[app].key, query === undefined ? {} : { query });
}
