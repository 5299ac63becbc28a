import { connect, type Socket } from 'node:net';

/** How a connection ended and what came over it first. */
export interface Ended {
  /** `closed` by the other side, or `left`: still open when the time was over. */
  readonly how: 'closed' | 'left';
  /** At most 64 KiB. */
  readonly received: string;
}

const receivedMax = 65_536;

/**
 * Opens a connection, lets `talk` write, and waits until the other side closes it, an answer has come
 * and `isDone` says that it is all, or the time is over. Errors count as closed.
 */
export async function converse(
  target: { readonly host: string; readonly port: number },
  timeoutMs: number,
  talk: (socket: Socket) => void,
  isDone: (received: string) => boolean = () => false,
): Promise<Ended> {
  const socket = connect({ ...target, noDelay: true });
  let received = '';
  return new Promise((resolve) => {
    const end = (how: Ended['how']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ how, received });
    };
    const timer = setTimeout(() => end('left'), timeoutMs);
    socket.on('connect', () => talk(socket));
    socket.on('data', (chunk) => {
      if (received.length < receivedMax) received += chunk.toString('latin1');
      if (isDone(received)) end('closed');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => end('closed'));
  });
}

export function targetOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The statuses of the answers in what came. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}
