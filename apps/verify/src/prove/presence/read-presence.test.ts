import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Control } from '../control.ts';
import { infoOf, memberOf } from './log.ts';
import { wrongInRest, wrongNames } from './read-presence.ts';

const clients = [randomUUID(), randomUUID()];
const [ann = '', bob = ''] = clients;
/** What the API answers: refs by client, and members by id with the client that each is. */
let refs = new Map<string, string>();
let members: [id: string, clientId: string][] = [];

const api = createServer((request, response) => {
  const path = request.url ?? '';
  const [clientId = ''] = /(?<=^\/v1\/clients\/).*/.exec(path) ?? [];
  const ref = refs.get(clientId);
  const [status, body] = path.startsWith('/v1/topics/')
    ? [200, { count: members.length, members: members.map(([id, who]) => ({ id, info: infoOf(who) })), cursor: null }]
    : path.startsWith('/v1/presence/count')
      ? [200, { counts: { 'prove.present': members.length } }]
      : ref === undefined
        ? [404, { type: 'about:blank', title: 'Not Found', status: 404, code: 'client-not-found' }]
        : [200, { clientId, ref }];
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
api.listen(0, '127.0.0.1');
await once(api, 'listening');
const control = new Control([`http://127.0.0.1:${(api.address() as AddressInfo).port}`], 'test.secret');
afterAll(() => api.close());

beforeEach(() => {
  refs = new Map(clients.map((clientId, index) => [clientId, `ref${index}`]));
  members = clients.map((clientId, index) => [`~ref${index}`, clientId]);
});

const truth = clients.map((id) => ({ member: memberOf(id), spans: [{ from: 0, to: null }], isUncertain: false }));

describe('the presence that the API lists', () => {
  it('is right where every client is listed once, by its ref', async () => {
    expect(await wrongInRest(control, truth)).toEqual([]);
    expect(await wrongNames(control, clients)).toEqual([]);
  });

  it('is wrong where one is listed twice, by another ref too', async () => {
    members.push(['~earlier', bob]);
    expect(await wrongInRest(control, truth)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining('counts 3')),
    );
    expect(await wrongNames(control, clients)).toEqual(['the API lists ~ref1 and ~earlier, and its ref is ref1']);
  });

  it('is wrong where one is listed by another ref', async () => {
    members = [
      ['~ref0', ann],
      ['~earlier', bob],
    ];
    expect(await wrongInRest(control, truth)).toEqual([]);
    expect(await wrongNames(control, clients)).toEqual(['the API lists ~earlier, and its ref is ref1']);
  });

  it('says nothing of the ref of one that is not registered any more', async () => {
    refs.delete(bob);
    expect(await wrongNames(control, clients)).toEqual([]);
  });
});
