import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import cookie from '@fastify/cookie';
import files from '@fastify/static';
import { HoldfastError, createBackend, createTokenIssuer } from '@holdfast/server';
import fastify, { type FastifyRequest } from 'fastify';
import { kickOff, play } from './league.ts';

const { env } = process;
const controlUrl = env['HOLDFAST_CONTROL_URL'] ?? '';
const port = Number(env['PORT'] ?? 3000);
const minuteMs = Number(env['MINUTE_MS'] ?? 1000);

const TOPIC = 'scores.today';

// Both keys are secrets of this process. A page gets a token: a few minutes of its own user's rights.
const holdfast = createBackend({ controlUrl, key: env['HOLDFAST_KEY'] ?? '' });
const tokens = createTokenIssuer({ privateJwk: env['HOLDFAST_TOKEN_KEY'] ?? '' });

let scores = kickOff;
/** The matches that each user follows. A database of yours, in the end. */
const followed = new Map<string, Set<string>>();

const app = fastify();
await app.register(cookie, { secret: env['SESSION_SECRET'] ?? randomBytes(32).toString('hex') });
await app.register(files, { root: join(import.meta.dirname, 'public') });

// Scripts and styles of this site only; the page talks to this site, to control-api and to the edges.
const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${controlUrl} ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
app.addHook('onSend', async (_request, reply) => {
  reply.headers({ 'content-security-policy': policy, 'x-content-type-options': 'nosniff' });
});

/** Who is signed in, by the signed cookie that only this server can make; null: a visitor. */
function userOf(request: FastifyRequest): string | null {
  const { valid, value } = request.unsignCookie(request.cookies['user'] ?? '');
  return valid ? value : null;
}

const bodyWith = (name: string, pattern: string) => ({
  body: { type: 'object', required: [name], properties: { [name]: { type: 'string', pattern } } },
});
const withTab = { schema: bodyWith('tab', '^[0-9a-f-]{36}$') };

// The client library of Holdfast, as one file for pages without a bundler.
const library = fileURLToPath(import.meta.resolve('@holdfast/client/holdfast.min.js'));
app.get('/holdfast.js', (_request, reply) => reply.sendFile('holdfast.min.js', dirname(library)));

app.get('/session', async (request) => {
  const user = userOf(request);
  return { user, controlUrl, followed: [...(followed.get(user ?? '') ?? [])] };
});
app.get('/scores', async () => scores);

// A name is enough here. Put your own login in its place: what matters is that the cookie comes after it.
app.post<{ Body: { name: string } }>(
  '/login',
  { schema: bodyWith('name', '^[a-z]{1,20}$') },
  async ({ body: { name } }, reply) => {
    const secure = env['NODE_ENV'] === 'production';
    reply.setCookie('user', name, { signed: true, httpOnly: true, sameSite: 'strict', path: '/', secure });
    return { user: name };
  },
);
app.post('/logout', async (_request, reply) => {
  reply.clearCookie('user', { path: '/' });
  return { user: null };
});

// The user comes from the session and never from the page. A client is a tab: `user.tab` is its name.
app.post<{ Body: { tab: string } }>('/token', withTab, async (request, reply) => {
  const user = userOf(request);
  if (user === null) return reply.code(401).send({ error: 'not signed in' });
  return { token: tokens.issue({ user, client: `${user}.${request.body.tab}`, topics: [TOPIC] }) };
});

// Visitors get the public topic and nothing else. No user has a `-` in its name, so none can be a visitor's namesake.
app.post<{ Body: { tab: string } }>('/visitor-token', withTab, async ({ body: { tab } }) => ({
  token: tokens.issue({ user: `visitor-${tab}`, topics: [TOPIC] }),
}));

app.post<{ Body: { match: string } }>('/follow', { schema: bodyWith('match', '^[a-z]+$') }, async (request, reply) => {
  const user = userOf(request);
  if (user === null) return reply.code(401).send({ error: 'not signed in' });
  const match = scores.matches.find(({ id }) => id === request.body.match);
  if (match === undefined) return reply.code(404).send({ error: 'no such match' });
  followed.set(user, (followed.get(user) ?? new Set()).add(match.id));
  await notify(user, `You follow ${match.home} against ${match.away}.`);
  return { followed: [...(followed.get(user) ?? [])] };
});

/** To all tabs and devices of a user, and to no other user. */
async function notify(user: string, text: string): Promise<void> {
  try {
    await holdfast.publishToUser(user, { text });
  } catch (error) {
    // No page of this user is there: mail it, or let it be.
    if (!(error instanceof HoldfastError && error.code === 'no-such-user')) throw error;
  }
}

async function publishScores(): Promise<void> {
  for await (const change of play(minuteMs)) {
    ({ scores } = change);
    try {
      await holdfast.publish(TOPIC, { ...scores, goals: change.goals });
      for (const { match, text } of change.goals) {
        const users = [...followed].filter(([, matches]) => matches.has(match)).map(([user]) => user);
        await Promise.all(users.map((user) => notify(user, `Goal! ${text}`)));
      }
    } catch (error) {
      console.error('not published:', error); // the next message has all of it again
    }
  }
}

await holdfast.createTopic(TOPIC, { history: { size: 10, seconds: 60 } });
await app.listen({ host: '127.0.0.1', port });
void publishScores();
console.log(`Open http://127.0.0.1:${port}`);
