import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createLogger, type Logger, type LogLevel } from './logger.ts';

function capture(level: LogLevel = 'info'): { logger: Logger; lines: string[]; last: () => Record<string, unknown> } {
  const lines: string[] = [];
  const logger = createLogger({ service: 'api', level, destination: { write: (line) => lines.push(line) } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

test('a line has the time in ISO form, the level as a word, the service and the message', () => {
  const { logger, last } = capture();
  logger.info({ address: 'http://127.0.0.1:7700' }, 'listening');
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    service: 'api',
    pid: process.pid,
    hostname: expect.any(String) as string,
    address: 'http://127.0.0.1:7700',
    msg: 'listening',
  });
});

test('what is less grave than the level is not written', () => {
  const { logger, lines } = capture('warn');
  logger.info('no');
  logger.warn('yes');
  expect(lines).toHaveLength(1);
});

describe('no credential reaches a line', () => {
  const SECRET = 'hunter2';
  const headers = {
    authorization: SECRET,
    cookie: SECRET,
    'set-cookie': SECRET,
    'x-api-key': SECRET,
    'sec-websocket-protocol': SECRET,
  };

  test.each([
    ['request headers', { req: { headers } }],
    ['headers', { headers }],
    ['bare headers', headers],
    ['fields', { secret: SECRET, previousSecret: SECRET, password: SECRET, clientId: SECRET }],
    ['nested fields', { a: { secret: SECRET, b: { password: SECRET, c: { clientId: SECRET } } } }],
    ['a query', { url: `/v1/connect?client=${SECRET}&key=${SECRET}&api_key=${SECRET}` }],
    ['a URL with a password', { reason: `cannot reach redis://user:${SECRET}@host:1` }],
  ])('in %s', (_, fields) => {
    const { logger, lines } = capture();
    logger.info(fields, 'x');
    logger.child(fields).info('x');
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).toContain('[redacted]');
  });

  test('as a token in a header, a message or an error', () => {
    const { logger, lines } = capture();
    const claims = Buffer.from('{"sub":"ann"}').toString('base64url');
    const token = `${Buffer.from('{"alg":"ES256","kid":"web"}').toString('base64url')}.${claims}.c2lnbmF0dXJl`;
    logger.info({ raw: ['Authorization', `Bearer ${token}`] }, `with ${token}`);
    logger.error({ err: new Error(`no ${token}`) }, 'x');
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain(claims);
    expect(lines[0]).toContain('with [token]');
  });

  test('as a client id in a path, a message, an error or a child', () => {
    const { logger, lines } = capture();
    const id = randomUUID();
    logger.info({ url: `/v1/clients/${id}/topics` }, `about ${id.toUpperCase()}`);
    logger.error(Object.assign(new Error(`no ${id}`), { command: { args: [id] } }));
    logger.child({ who: id }).info('x');
    expect(lines).toHaveLength(3);
    expect(lines.join('').toLowerCase()).not.toContain(id);
    expect(lines[0]).toContain('/v1/clients/[uuid]/topics');
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});

describe('an error', () => {
  test('keeps its code, its stack and its causes, and nothing that a library hung on it', () => {
    const { logger, last } = capture();
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('no publish', { cause }), { code: 'unavailable', command: ['x'] });
    logger.error({ err: error }, 'failed');
    expect(last()['err']).toEqual({
      type: 'TypeError',
      message: 'no publish',
      code: 'unavailable',
      stack: expect.stringContaining('logger.test.ts') as string,
      cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED', stack: expect.any(String) as string },
    });
  });

  test('may be under error, be its own cause, or be no error at all', () => {
    const { logger, last } = capture();
    const loop = new Error('loop');
    loop.cause = loop;
    logger.error({ error: loop }, 'failed');
    expect(last()['error']).toMatchObject({ message: 'loop', cause: { message: 'loop' } });
    logger.error({ err: 'text' }, 'failed');
    expect(last()['err']).toEqual({ type: 'string', message: 'text' });
  });

  test('made of several names each', () => {
    const { logger, last } = capture();
    logger.error({ err: new AggregateError([new Error('::1'), new Error('127.0.0.1')]) }, 'failed');
    expect(last()['err']).toMatchObject({ errors: [{ message: '::1' }, { message: '127.0.0.1' }] });
  });
});
