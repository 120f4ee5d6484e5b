/** A project in strict TypeScript: what it may write, and what the compiler has to refuse. */
export const typedPage = `
import { type ClientEvents, type HoldfastClient, HoldfastError, type Message, type Registration, connect, createRest } from '@holdfast/client';
import * as bundle from '@holdfast/client/holdfast.min.js';

export const client: HoldfastClient = connect({ controlUrl: 'https://push.example.com', getToken: () => 'token' });
client.on('message', ({ topic, id, data }) => console.log(topic.length, id.length, data));
client.on('closed', ({ reason }) => reason === 'replaced');
export const last: Promise<Message[]> = (async () => {
  const all: Message[] = [];
  for await (const message of client.messages('news', { maxBuffered: 10 })) all.push(message);
  return all;
})();
export const registration: Promise<Registration> = createRest({ controlUrl: 'https://push.example.com' }).register();
export const lost: ClientEvents['lost']['position'] = '1-0';
export function isGone(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === 'topic-not-found' && error.problem?.status === 404;
}
bundle.connect({ clientId: 'x', url: 'wss://edge.example.com', WebSocket });

// @ts-expect-error a client has either an id or tokens
connect({ controlUrl: 'https://push.example.com' });
// @ts-expect-error no event has this name
client.on('massage', () => undefined);
client.on('state', (change) => {
  // @ts-expect-error only while it waits
  console.log(change.delayMs);
});
export function code(error: HoldfastError): void {
  // @ts-expect-error no error has this code
  if (error.code === 'topic-not-fund') return;
}
`;

export const typedReact = `
import { HoldfastProvider, usePresence, useTopic, useSubscription, useHoldfast } from '@holdfast/react';

export function Lobby({ topic }: { topic: string }) {
  const { isSubscribed, error } = useSubscription(topic);
  const { messages, lost } = useTopic(topic, { limit: 5 });
  const { members } = usePresence(topic);
  const client = useHoldfast();
  // @ts-expect-error there is none in the first render
  client.close();
  return <p title={error?.message ?? lost?.after}>{isSubscribed && messages.length + members.length}</p>;
}
// @ts-expect-error it needs a client, or options
export const none = <HoldfastProvider />;
export const app = <HoldfastProvider options={{ clientId: 'x', url: 'wss://edge.example.com' }}><Lobby topic="news" /></HoldfastProvider>;
`;

export const typedServer = `
import { type Webhook, createBackend, createTokenIssuer, verifyWebhook } from '@holdfast/server';
import type { IncomingMessage } from 'node:http';

const backend = createBackend({ controlUrl: 'http://127.0.0.1:7700', key: 'id.secret' });
export const id: Promise<string> = backend.publish('news', { score: 1 }).then((published) => published.id);
export const token: string = createTokenIssuer({ privateJwk: {} }).issue({ user: 'ann' });
export function reasons(request: IncomingMessage, body: Buffer): string[] {
  const { events }: Webhook = verifyWebhook({ headers: request.headers, body, secret: 'whsec_AAAA' });
  return events.flatMap((event) => {
    // @ts-expect-error only events of some types have it
    console.log(event.data.reason);
    return event.type === 'client.disconnected' ? [event.data.reason] : [];
  });
}
// @ts-expect-error a topic, and what is published
void backend.publish('news');
`;

interface Project {
  module: 'esnext' | 'nodenext';
  moduleResolution: 'bundler' | 'nodenext';
}

/** The strictest settings there are; types of the packages are checked as well. */
export function tsconfig(
  { module, moduleResolution }: Project,
  files: readonly string[],
  types: readonly string[],
): string {
  return JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2024', 'dom', 'dom.iterable'],
      module,
      moduleResolution,
      jsx: 'react-jsx',
      types,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files,
  });
}
