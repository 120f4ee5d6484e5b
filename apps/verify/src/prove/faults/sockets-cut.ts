import { DidNotHappen, type Fault } from '../fault.ts';

export const socketsCut: Fault = {
  name: 'sockets-cut',
  proves: 'Connections of clients fall silent without a FIN: clients notice, come back, and have missed nothing.',
  quick: false,
  needs: { proxies: { clientsToEdges: true }, edgeEnv: { EDGE_HEARTBEAT: '1500ms' } },
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, until }) => {
    const [proxy] = installation.proxies.clientsToEdges;
    if (proxy === undefined) throw new Error('an installation has an edge');
    const stranded = proxy.connections();
    const brokenAt = now();
    proxy.strand();
    await until('bytes are swallowed', () => proxy.bytesSwallowed() > 0);
    if (stranded === 0) throw new DidNotHappen('no client was connected there');
    const proof = `${stranded} connections of clients were stranded without a FIN`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};
