import { createServer, type Server } from 'node:net';
import { CliError } from '../exit.js';

export const localHost = '127.0.0.1';

/** A range's guard and its ports: more than two for each node of the largest cluster we make. */
const rangeLength = 512;
/** The first guard; all ranges end below the ports that Linux gives to outgoing connections. */
const firstGuard = 10_239;
const lastPort = 32_767;
/** The first port of the first range. */
export const firstPort = firstGuard + 1;

export interface PortRange {
  readonly basePort: number;
  /** Lets others have the range. */
  release(): Promise<void>;
}

/**
 * Finds a range of free ports, enough for any cluster that `init` makes, and keeps other callers on
 * this machine, other processes too, away from it until it is released: the process that listens on the guard port
 * has the range.
 */
export async function claimPorts(): Promise<PortRange> {
  for (let guard = firstGuard; guard + rangeLength <= lastPort; guard += rangeLength) {
    const server = await listen(guard);
    if (server === undefined) continue;
    const ports = Array.from({ length: rangeLength - 1 }, (_, index) => guard + 1 + index);
    if ((await occupied(ports)).length === 0) {
      return { basePort: guard + 1, release: () => close(server) };
    }
    await close(server);
  }
  throw new CliError('failed', 'no range of ports is free; choose one with --base-port');
}

/** Those of the ports that a process listens on. */
export async function occupied(ports: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of ports) {
    const server = await listen(port);
    if (server === undefined) taken.push(port);
    else await close(server);
  }
  return taken;
}

/** `undefined` where the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: localHost, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
