import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import files from '@fastify/static';
import { createBackend, createTokenIssuer } from '@holdfast/server';
import fastify from 'fastify';
import { type Part, publishAnswer, topicOf } from './answers.ts';

const { env } = process;
const controlUrl = env['HOLDFAST_CONTROL_URL'] ?? '';
const port = Number(env['PORT'] ?? 3000);
const tokenMs = Number(env['TOKEN_MS'] ?? 25);

const holdfast = createBackend({ controlUrl, key: env['HOLDFAST_KEY'] ?? '' });
const tokens = createTokenIssuer({ privateJwk: env['HOLDFAST_TOKEN_KEY'] ?? '' });

const app = fastify();
await app.register(files, { root: join(import.meta.dirname, 'public') });

const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${controlUrl} ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
app.addHook('onSend', async (_request, reply) => {
  reply.headers({ 'content-security-policy': policy, 'x-content-type-options': 'nosniff' });
});

const library = fileURLToPath(import.meta.resolve('@holdfast/client/holdfast.min.js'));
app.get('/holdfast.js', (_request, reply) => reply.sendFile('holdfast.min.js', dirname(library)));
app.get('/settings', async () => ({ controlUrl }));

const UUID = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const PROMPT = { type: 'string', minLength: 1, maxLength: 500 };

// A topic for each answer. The first message makes it (`create` of the key), and it goes by itself ten minutes after the last
// message and the last viewer (`expireSeconds`): nothing here has to clean up.
app.post<{ Body: { prompt: string } }>(
  '/answers',
  { schema: { body: { type: 'object', required: ['prompt'], properties: { prompt: PROMPT } } } },
  async ({ body: { prompt } }, reply) => {
    const id = randomUUID();
    // Published before the id is known to anybody: a viewer that asks for the topic finds it.
    await holdfast.publish(topicOf(id), { prompt } satisfies Part);
    publishAnswer(holdfast, id, prompt, tokenMs).catch((error: unknown) => console.error(`answer ${id}:`, error));
    return reply.code(201).send({ id });
  },
);

// Viewers need no login here: whoever has the id of an answer, which cannot be guessed, may see it, and no other. With a
// login in your application, check here that this user may.
app.post<{ Body: { viewer: string; answer: string } }>(
  '/token',
  { schema: { body: { type: 'object', required: ['viewer', 'answer'], properties: { viewer: UUID, answer: UUID } } } },
  async ({ body: { viewer, answer } }) => ({
    token: tokens.issue({
      user: `viewer-${viewer}`,
      client: `${viewer}.${answer}`,
      may: { subscribe: [topicOf(answer)] },
    }),
  }),
);

await app.listen({ host: '127.0.0.1', port });
console.log(`Open http://127.0.0.1:${port}`);
