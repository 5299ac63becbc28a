import { Socket } from 'node:net';

/**
 * For `node --import`: all connections of this process leave from the address after `?` in this
 * module's URL, so that a proxy on the same machine can tell who dials.
 */
const localAddress = new URL(import.meta.url).search.slice(1);

interface ConnectOptions {
  localAddress?: string;
}

const { connect } = Socket.prototype;

Object.defineProperty(Socket.prototype, 'connect', {
  value(this: Socket, ...args: unknown[]): Socket {
    // Node's own callers pass the options, or an array that begins with them.
    const [first] = args;
    const options: unknown = Array.isArray(first) ? first[0] : first;
    if (isOptions(options)) options.localAddress ??= localAddress;
    return Reflect.apply(connect, this, args);
  },
});

function isOptions(value: unknown): value is ConnectOptions {
  return typeof value === 'object' && value !== null;
}
