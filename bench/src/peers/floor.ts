import type { Message } from '../message.ts';
import { NotCompiled, compiled } from '../native.ts';
import { type Peer, topicName } from './peer.ts';
import { startPlainServers } from './plain-server.ts';

/** As long as the ids that Holdfast gives. */
const AN_ID = '1732345678902-417203';

/** The least that the kernel lets one do: the same bytes as Holdfast's, with nothing around them. */
export const floor: Peer = {
  name: 'floor',
  description: "C, epoll, one send(2) a message and subscriber, Holdfast's very frames",
  prepare: async () => {
    try {
      await compiled('floor');
      return { version: 'native/floor.c' };
    } catch (error) {
      if (error instanceof NotCompiled) return { missing: error.message };
      throw error;
    }
  },
  start: async (layout, context) => {
    const command = await compiled('floor');
    return startPlainServers(
      { command, args: (port) => [String(port)], settings: [['path', '/%t']], wrap: asHoldfast },
      layout,
      context,
    );
  },
};

function asHoldfast({ topic, data }: Message): string {
  return `{"type":"message","topic":"${topicName(topic)}","id":"${AN_ID}","data":${data}}`;
}
