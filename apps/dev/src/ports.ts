import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that a service is about to take. */
export interface WantedPort {
  port: number;
  host: string;
  /** For messages: `EDGE_PORT + 1`. */
  name: string;
  /** The variable that moves it. */
  variable: string;
}

class PortInUse extends Error {
  constructor(wanted: readonly WantedPort[]) {
    const lines = wanted.map(({ port, name, variable }) => {
      return `Port ${port} (${name}) is in use. Stop what uses it, or choose another by ${variable}.`;
    });
    super(lines.join('\n'));
    this.name = 'PortInUse';
  }
}

/**
 * Looks before anything is started, so that a port in use is reported in one line rather than by a service that fails.
 * Throws {@link PortInUse}, which names every one.
 */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  const looks = await Promise.all(wanted.map(async (one) => ({ one, isTaken: await isTaken(one) })));
  const taken = looks.filter((look) => look.isTaken).map((look) => look.one);
  if (taken.length > 0) throw new PortInUse(taken);
}

async function isTaken({ port, host }: WantedPort): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    // Other errors, a host that is not ours say, are the service's to explain.
    return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  }
  server.close();
  await once(server, 'close');
  return false;
}
