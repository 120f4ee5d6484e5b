import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import files from '@fastify/static';
import { createBackend, createTokenIssuer } from '@holdfast/server';
import fastify, { type FastifyRequest } from 'fastify';

const { env } = process;
const controlUrl = env['HOLDFAST_CONTROL_URL'] ?? '';
const port = Number(env['PORT'] ?? 3000);

const holdfast = createBackend({ controlUrl, key: env['HOLDFAST_KEY'] ?? '' });
const tokens = createTokenIssuer({ privateJwk: env['HOLDFAST_TOKEN_KEY'] ?? '' });

const app = fastify();
await app.register(cookie, { secret: env['SESSION_SECRET'] ?? randomBytes(32).toString('hex') });
await app.register(files, { root: join(import.meta.dirname, 'dist') });

const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${controlUrl} ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
app.addHook('onSend', async (_request, reply) => {
  reply.headers({ 'content-security-policy': policy, 'x-content-type-options': 'nosniff' });
});

/** Who is signed in, by the signed cookie that only this server can make. */
function userOf(request: FastifyRequest): string | null {
  const { valid, value } = request.unsignCookie(request.cookies['user'] ?? '');
  return valid ? value : null;
}

const bodyWith = (properties: Record<string, string>) => ({
  body: {
    type: 'object',
    required: Object.keys(properties),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, pattern]) => [name, { type: 'string', pattern }]),
    ),
  },
});

app.get('/session', async (request) => ({ user: userOf(request), controlUrl }));

// A name is enough here. Put your own login in its place: what matters is that the cookie comes after it.
const login = { schema: bodyWith({ name: '^[a-z]{1,20}$' }) };
app.post<{ Body: { name: string } }>('/login', login, async ({ body: { name } }, reply) => {
  const secure = env['NODE_ENV'] === 'production';
  reply.setCookie('user', name, { signed: true, httpOnly: true, sameSite: 'strict', path: '/', secure });
  return { user: name };
});
app.post('/logout', async (_request, reply) => {
  reply.clearCookie('user', { path: '/' });
  return { user: null };
});

// The token lets this user read rooms, and see who is there. It publishes nothing: no `may.publish`.
const token = { schema: bodyWith({ tab: '^[0-9a-f-]{36}$' }) };
app.post<{ Body: { tab: string } }>('/token', token, async (request, reply) => {
  const user = userOf(request);
  if (user === null) return reply.code(401).send({ error: 'not signed in' });
  return { token: tokens.issue({ user, client: `${user}.${request.body.tab}` }) };
});

// A message goes through the backend, which writes down who it is from: what a page sent could name anybody.
const message = { schema: bodyWith({ room: '^[a-z0-9-]{1,30}$', text: '^[^]{1,2000}$', id: '^[0-9a-f-]{36}$' }) };
app.post<{ Body: { room: string; text: string; id: string } }>('/messages', message, async (request, reply) => {
  const user = userOf(request);
  if (user === null) return reply.code(401).send({ error: 'not signed in' });
  const { room, text, id } = request.body;
  // The id is the page's: a message that it sends again, because the answer was lost, is published once.
  await holdfast.publish(`chat.${room}`, { from: user, text }, { idempotencyKey: `${user}.${id}` });
  return reply.code(202).send({ room });
});

await app.listen({ host: '127.0.0.1', port });
console.log(`Open http://127.0.0.1:${port}`);
