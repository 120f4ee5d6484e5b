import type { ApplicationEvent, Scenario, Step } from '../scenario/scenario.ts';
import type { Connection } from '../server/connection.ts';
import type { Call } from '../server/control.ts';
import { Failure, shown } from './failure.ts';
import { notAfter, notBefore } from './handshakes.ts';
import { type Stage, same } from './stage.ts';

export interface StepFailure {
  /** From 1; after the last one: something was left over. */
  readonly step: number;
  readonly action: string;
  /** What the protocol demands here. */
  readonly why: string | undefined;
  readonly expected: string;
  readonly seen: string;
}

/** How long a registration with a token lasts. */
const REGISTRATION_MS = 3_600_000;

/** Takes all steps of a scenario. Gives the first failure. */
export async function play({ steps }: Scenario, stage: Stage): Promise<StepFailure | undefined> {
  for (const [index, step] of steps.entries()) {
    try {
      await take(step, stage);
    } catch (error) {
      const [action = ''] = Object.keys(step);
      return failureOf(error, index + 1, action, 'why' in step ? step.why : undefined);
    }
  }
  try {
    stage.assertNothingLeft();
  } catch (error) {
    return failureOf(error, steps.length + 1, 'end', undefined);
  }
  return undefined;
}

function failureOf(error: unknown, step: number, action: string, why: string | undefined): StepFailure {
  if (!(error instanceof Failure)) throw error;
  return { step, action, why, expected: error.expected, seen: error.seen };
}

async function take(step: Step, stage: Stage): Promise<unknown> {
  if ('accept' in step) return stage.accept(step.accept, step.accept.mute);
  if ('refuse' in step) {
    const { status, code, retryAfter, ...conditions } = step.refuse;
    return stage.refuse(await stage.handshake(conditions), status, code, retryAfter);
  }
  if ('refuseAll' in step) return refuseAll(step.refuseAll, stage);
  if ('noHandshakeFor' in step) return noHandshake(step.noHandshakeFor, stage);
  if ('sees' in step) return sees(step.sees, stage);
  if ('command' in step) return stage.command(step.command);
  if ('register' in step) return register(step.register, stage);
  if ('call' in step) return call(step.call, stage);
  return takeOnConnection(step, connectionOf(stage), stage);
}

type OnConnection = Exclude<
  Step,
  | { accept: unknown }
  | { refuse: unknown }
  | { refuseAll: unknown }
  | { noHandshakeFor: unknown }
  | { sees: unknown }
  | { command: unknown }
  | { register: unknown }
  | { call: unknown }
>;

async function takeOnConnection(step: OnConnection, connection: Connection, stage: Stage): Promise<void> {
  if ('send' in step) {
    await isReady(connection, stage);
    for (const frame of Array.isArray(step.send) ? step.send : [step.send]) connection.send(JSON.stringify(frame));
  } else if ('sendText' in step) connection.send(step.sendText);
  else if ('sendFragments' in step) connection.sendFragments(step.sendFragments);
  else if ('cut' in step) connection.cut();
  else if ('close' in step) connection.close(step.close.code, step.close.reason);
  else if ('resumes' in step) {
    same(step.resumes.positions, await stage.resumed(connection));
    const { frames = 1 } = step.resumes;
    if (connection.resumeFrames < frames) {
      throw new Failure(`at least ${frames} resume frames`, String(connection.resumeFrames));
    }
  } else if ('ping' in step) {
    connection.ping(step.ping);
    const pong = await stage.wait('a pong', () => connection.pongs.shift(), { onConnection: true });
    same(step.ping, pong);
  } else if ('receivePing' in step) {
    const { notBeforeMs = 0, withinMs } = step.receivePing;
    const { lastSentAt } = connection;
    const at = await stage.wait('{"type":"ping"}', () => connection.pings.shift(), {
      onConnection: true,
      withinMs: stage.bound(withinMs),
    });
    notBefore(at - lastSentAt, notBeforeMs, '{"type":"ping"}');
  } else if ('stayAlive' in step) {
    const timer = setInterval(() => connection.ping(''), step.stayAlive.everyMs);
    try {
      await stage.pass('that the client keeps its connection', step.stayAlive.forMs, { onConnection: true });
    } finally {
      clearInterval(timer);
    }
  } else {
    const { code, notBeforeMs = 0 } = step.ended;
    const end = await stage.wait('the end of the connection', () => connection.end, { mayClose: true });
    if (code !== undefined && end.code !== code) throw new Failure(`the close code ${code}`, String(end.code));
    notBefore(end.at - connection.lastSentAt, notBeforeMs, 'the end of the connection');
  }
}

function connectionOf({ connection }: Stage): Connection {
  if (connection === undefined) throw new Error('this step needs a connection: an accept step is missing before it');
  return connection;
}

/** An edge sends nothing before it has the positions that were announced. */
async function isReady(connection: Connection, stage: Stage): Promise<void> {
  if (connection.options.resumes) await stage.resumed(connection);
}

/** The while begins with the first handshake: a driver may take long to start. */
async function refuseAll(
  { forMs, firstWithinMs, atLeast, atMost }: Extract<Step, { refuseAll: unknown }>['refuseAll'],
  stage: Stage,
): Promise<void> {
  stage.refuse(await stage.handshake({}), 503, 'edge-busy');
  const refusedAt = performance.now();
  const until = refusedAt + forMs;
  const second = await stage.handshake({});
  notAfter(second.at - refusedAt, stage.bound(firstWithinMs), 'the second handshake');
  stage.refuse(second, 503, 'edge-busy');
  let count = 2;
  while (count <= atMost && (await stage.isPendingWithin(until - performance.now()))) {
    stage.refuse(await stage.handshake({}), 503, 'edge-busy');
    count += 1;
  }
  if (count < atLeast) throw new Failure(`at least ${atLeast} handshakes in ${forMs} ms`, String(count));
  if (count > atMost) throw new Failure(`at most ${atMost} handshakes in ${forMs} ms`, 'more');
}

/** Every one counts, also an attempt that the client gives up. */
async function noHandshake(forMs: number, stage: Stage): Promise<void> {
  await stage.pass('no further handshake', forMs, { mayClose: true, mayNotConnect: true });
}

async function sees(events: readonly ApplicationEvent[], stage: Stage): Promise<void> {
  for (const expected of events) {
    const seen = await stage.wait(`that the application sees ${shown(expected)}`, () => stage.events.take(expected), {
      onConnection: expected.event !== 'closed',
      mayClose: expected.event === 'closed',
      mayNotConnect: expected.event === 'closed' && !stage.hasAnswered,
    });
    same(expected, seen);
    // A client that asked control-api went on connecting until it had the answer.
    if (expected.event === 'closed' && stage.hasAnswered) stage.forgetHandshakes();
  }
}

async function register(
  { token, client, isNew, keepsConnection = false }: Extract<Step, { register: unknown }>['register'],
  stage: Stage,
): Promise<void> {
  const made = await stage.call({ onConnection: keepsConnection });
  same('POST /v1/clients', `${made.method} ${made.path}`);
  same(`Bearer ${token}`, made.authorization);
  if (made.body !== '')
    throw new Failure('no body: only the claims of the token say what the client is', shown(made.body));
  stage.clientId = client;
  made.answer(isNew ? 201 : 200, {
    clientId: client,
    name: 'ann',
    topics: [],
    connect: { url: stage.urls[0], urls: stage.urls },
    expiresAt: new Date(Date.now() + REGISTRATION_MS).toISOString(),
  });
}

async function call(expected: Extract<Step, { call: unknown }>['call'], stage: Stage): Promise<void> {
  const made = await stage.call();
  same(`${expected.method} ${expected.path.replace('$client', stage.clientId)}`, `${made.method} ${made.path}`);
  same(expected.body, bodyOf(made));
  made.answer(expected.answer.status, expected.answer.body);
  stage.hasAnswered = true;
}

function bodyOf({ body }: Call): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw new Failure('a body of JSON', shown(body));
  }
}
