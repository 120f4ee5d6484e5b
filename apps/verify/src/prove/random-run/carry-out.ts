import { setTimeout as delay } from 'node:timers/promises';
import type { Company } from '../actors/company.ts';
import type { Installation } from '../installation/installation.ts';
import { inflict } from './inflict.ts';
import { type Operation, cast, topicName } from './operations.ts';

/** How long the connections of one client are apart: about as long as a handshake takes. */
const TWINS_APART_MS = 8;

/** What a run was made of: operations and faults that happened, by name. */
export type Counts = Map<string, number>;

/** Does one thing of the plan. An actor that is not registered does nothing but register. */
export async function carryOut(
  installation: Installation,
  company: Company,
  operation: Operation,
  counts: Counts,
  log: (line: string) => void,
): Promise<void> {
  const { calls, actors } = company;
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  if (operation.do === 'fault') {
    log(await inflict(installation, company, operation));
    count(`fault ${operation.fault}`);
    return;
  }
  if (!('actor' in operation)) {
    await carryOutTopic(company, operation);
    count(operation.do);
    return;
  }
  const actor = actors[operation.actor];
  if (actor === undefined) throw new Error(`there is no actor ${operation.actor}`);
  if (operation.do === 'publish-to-client') {
    await calls.publishToClient(actor.id);
  } else if (operation.do === 'register') {
    // One that is registered comes again as another one, under the same id.
    if (actor.isRegistered) await actor.unregister();
    await actor.register(operation.topics.map(topicName));
  } else if (!actor.isRegistered) {
    return;
  } else {
    switch (operation.do) {
      case 'subscribe':
      case 'unsubscribe':
        await actor[operation.do](operation.topics.map(topicName));
        break;
      case 'unregister':
        await actor.unregister();
        break;
      case 'disconnect':
        await actor.disconnect();
        break;
      case 'view':
        await calls.view(actor.id, false);
        break;
      case 'connect':
        await actor.connect(operation.edge, operation.resume, operation.share).welcomed;
        break;
      case 'hang-up':
        actor.line?.close(operation.how);
        break;
      case 'twins':
        await Promise.all(
          operation.edges.map(async (edge, index) => {
            await delay(index * TWINS_APART_MS);
            return actor.connect(edge).welcomed;
          }),
        );
    }
  }
  count(operation.do);
}

async function carryOutTopic(
  company: Company,
  operation: Exclude<Operation, { actor: number } | { do: 'fault' }>,
): Promise<void> {
  const { calls } = company;
  switch (operation.do) {
    case 'publish':
      await calls.publish(topicName(operation.topic));
      return;
    case 'publish-idempotent': {
      const token = company.history.newToken();
      await calls.publish(topicName(operation.topic), token);
      await calls.publish(topicName(operation.topic), token);
      return;
    }
    case 'publish-batch':
      await calls.publishBatch(operation.lists.map((topics) => topics.map(topicName)));
      return;
    case 'renew': {
      const name = topicName(operation.topic);
      await calls.deleteTopic(name);
      await delay(operation.pauseMs);
      await company.topic(name, cast.sizes[operation.topic]);
    }
  }
}
