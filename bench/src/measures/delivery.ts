import { setTimeout as delay } from 'node:timers/promises';
import type { Usage } from '../session.ts';
import type { Measure } from './measure.ts';

/** The first of them pay for what a process allocates and compiles only once. */
const FIRST_SHARE = 0.1;
const TOPIC = 1;

/** Measures a, b and c: an idle connection's memory, a handshake's CPU, a delivery's CPU. */
export const delivery: Measure = {
  name: 'delivery',
  title: 'A connection, a handshake, a delivery',
  about: ({ delivery: { connections, broadcasts }, size }) =>
    `${connections} connections subscribed to one topic; ${broadcasts} messages of ${size} bytes, each published when ` +
    'the one before has reached everybody',
  metrics: () => [
    { id: 'pss', title: 'memory a connection', unit: 'B', better: 'less' },
    { id: 'kernel', title: 'kernel, both ends', unit: 'B', better: 'less' },
    { id: 'handshake', title: 'CPU a handshake', unit: 'µs', better: 'less', againstFloor: true },
    { id: 'handshakeOthers', title: 'elsewhere', unit: 'µs', better: 'less' },
    { id: 'delivery', title: 'CPU a delivery', unit: 'µs', better: 'less', againstFloor: true },
    { id: 'deliveryOthers', title: 'elsewhere', unit: 'µs', better: 'less' },
    { id: 'bytes', title: 'on the wire', unit: 'B', better: 'less' },
  ],
  run: async (peer, { amounts, openSession }) => {
    const { connections, warmUp, broadcasts } = amounts.delivery;
    await using session = await openSession(peer, { connections, topicsOf: () => [TOPIC] });
    await session.open(FIRST_SHARE);
    await delay(amounts.settleMs);
    const first = await session.usage();
    await session.open();
    const open = await session.usage();
    await delay(amounts.settleMs);
    const idle = await session.usage();
    const later = connections - Math.floor(connections * FIRST_SHARE);

    await session.broadcast(TOPIC, warmUp);
    const { cpu, others, bytes } = await session.costOf(() => session.broadcast(TOPIC, broadcasts));

    return {
      pss: (idle.memory.pss - first.memory.pss) / later,
      kernel: (kernelBytes(idle) - kernelBytes(first)) / later,
      handshake: ((open.cpu - first.cpu) / later) * 1e6,
      handshakeOthers: ((open.otherCpu - first.otherCpu) / later) * 1e6,
      delivery: cpu,
      deliveryOthers: others,
      bytes,
    };
  },
};

function kernelBytes({ kernel }: Usage): number {
  return kernel.slab + kernel.tcpBuffers;
}
