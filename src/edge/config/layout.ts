import { ConfigError } from './config-error.js';
import type { ListenAddress } from './node-file.js';

/** Where the nodes of a new cluster live. */
export type Layout =
  /** All on one machine, on ports counted from `basePort`. */
  | { readonly kind: 'local'; readonly host: string; readonly basePort: number }
  /** Each in a container whose host name is the node's name, all on the same ports. */
  | { readonly kind: 'compose' };

export interface Place {
  readonly name: string;
  /** Host name or IP address for the certificate. */
  readonly host: string;
  readonly url: string;
  readonly listen: ListenAddress;
  /** As the node file has it: relative to that file, or absolute. */
  readonly dataDir: string;
  /** Where peers reach a coordinator, and where it listens for them. */
  readonly peer: ListenAddress;
  readonly peerListen: ListenAddress;
}

const containerPorts = { http: 8080, peer: 9443 };

/** Gives every node its place. HTTP ports come first, in the order of the names; peer ports follow. */
export function layOut(layout: Layout, names: readonly string[]): Place[] {
  switch (layout.kind) {
    case 'local':
      return onOneHost(layout.host, layout.basePort, names);
    case 'compose':
      return names.map(inContainer);
  }
}

function onOneHost(host: string, basePort: number, names: readonly string[]): Place[] {
  const last = basePort + 2 * names.length - 1;
  if (!Number.isSafeInteger(basePort) || basePort < 1 || last > 65_535) {
    throw new ConfigError(
      `basePort: ${names.length} nodes need ports ${basePort} to ${last}; ` +
        `choose a whole number from 1 to ${65_536 - 2 * names.length}`,
    );
  }
  const authority = host.includes(':') ? `[${host}]` : host;
  return names.map((name, index) => {
    const listen = { host, port: basePort + index };
    const peer = { host, port: basePort + names.length + index };
    const url = `http://${authority}:${listen.port}`;
    return { name, host, url, listen, dataDir: `../data/${name}`, peer, peerListen: peer };
  });
}

function inContainer(name: string): Place {
  return {
    name,
    host: name,
    url: `http://${name}:${containerPorts.http}`,
    listen: { host: '0.0.0.0', port: containerPorts.http },
    dataDir: '/var/lib/concordat',
    peer: { host: name, port: containerPorts.peer },
    peerListen: { host: '0.0.0.0', port: containerPorts.peer },
  };
}
