import { bursts } from './measures/bursts.ts';
import { delivery } from './measures/delivery.ts';
import { growth } from './measures/growth.ts';
import { edgeHostile } from './measures/hostile/edge.ts';
import { hostile } from './measures/hostile/rest.ts';
import { idle } from './measures/idle.ts';
import { latency } from './measures/latency.ts';
import type { Measure } from './measures/measure.ts';
import { rest } from './measures/rest.ts';
import { comingBack } from './measures/return.ts';
import { bun } from './peers/bun.ts';
import { centrifugo, centrifugoRedis } from './peers/centrifugo.ts';
import { floor } from './peers/floor.ts';
import { holdfast, holdfastPlain } from './peers/holdfast.ts';
import { nchan, nchanRedis } from './peers/nchan.ts';
import type { Peer } from './peers/peer.ts';
import { socketIo, socketIoRedis } from './peers/socket-io.ts';
import { ws } from './peers/ws.ts';

/** In the order of the table. */
export const peers: readonly Peer[] = [
  holdfast,
  holdfastPlain,
  floor,
  ws,
  bun,
  socketIo,
  socketIoRedis,
  nchan,
  nchanRedis,
  centrifugo,
  centrifugoRedis,
];

export const measures: readonly Measure[] = [
  delivery,
  bursts,
  latency,
  comingBack,
  growth,
  idle,
  rest,
  hostile,
  edgeHostile,
];
