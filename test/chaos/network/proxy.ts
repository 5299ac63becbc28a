import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { claimPorts, localHost, type PortRange } from '../../../src/cli/local/port-range.js';
import { DelayLine } from './delay-line.js';
import { Link } from './link.js';
import type { Network, Place, ServerKind } from './network.js';

/** Within a range of ports: advertised ones first, those that nodes listen on from here. */
const listenOffset = 256;
const serverKinds: readonly ServerKind[] = ['http', 'peer'];

/**
 * A proxy on loopback in front of every server of every node. It knows who dialled, so it can treat
 * each direction between each two nodes by itself. Bytes on a link that is cut wait, as they do in
 * TCP while packets are lost, and go on when it is restored.
 */
export class ProxyNetwork implements Network {
  readonly kind = 'proxy';
  readonly #nodes: readonly string[];
  /** All who dial: the nodes, and after them those that nobody dials. */
  readonly #dialling: readonly string[];
  readonly #ports: PortRange;
  readonly #links = new Map<string, Link>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(nodes: readonly string[], clients: readonly string[], ports: PortRange) {
    this.#nodes = nodes;
    this.#dialling = [...nodes, ...clients];
    this.#ports = ports;
  }

  /** `clients` have no servers, and ways to the nodes of their own. */
  static async open(
    nodes: readonly string[],
    clients: readonly string[] = [],
  ): Promise<ProxyNetwork> {
    const network = new ProxyNetwork(nodes, clients, await claimPorts());
    for (const node of nodes) {
      for (const kind of serverKinds) await network.#serve(node, kind);
    }
    return network;
  }

  place(node: string, server: ServerKind): Place {
    const port =
      this.#ports.basePort +
      serverKinds.length * this.#nodes.indexOf(node) +
      serverKinds.indexOf(server);
    const listen = { host: localHost, port: port + listenOffset };
    return { advertised: { host: localHost, port }, listen };
  }

  launcher(): readonly string[] {
    return [];
  }

  nodeOptions(node: string): readonly string[] {
    return ['--import', `${new URL('./own-address.js', import.meta.url)}?${this.address(node)}`];
  }

  /** Where the connections of a node or client come from; all of 127.0.0.0/8 is this machine. */
  address(node: string): string {
    return `127.0.1.${this.#dialling.indexOf(node) + 1}`;
  }

  /** From now on bytes take so long from the one to the other. */
  delay(from: string, to: string, delayMs: number): void {
    this.#link(from, to).delayMs = delayMs;
  }

  async cut(from: string, to: string): Promise<void> {
    this.#link(from, to).cut();
  }

  async restore(from: string, to: string): Promise<void> {
    this.#link(from, to).restore();
  }

  async slow(node: string): Promise<void> {
    for (const link of this.#linksOf(node)) link.slow();
  }

  async hasten(node: string): Promise<void> {
    for (const link of this.#linksOf(node)) link.hasten();
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#sockets) socket.destroy();
    for (const link of this.#links.values()) link.restore();
    await Promise.all(closed);
    await this.#ports.release();
  }

  async #serve(node: string, kind: ServerKind): Promise<void> {
    const { advertised, listen } = this.place(node, kind);
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const from = this.#dialling.find((each) => this.address(each) === socket.remoteAddress);
      const onward = connect({ ...listen, allowHalfOpen: true, noDelay: true });
      for (const each of [socket, onward]) this.#keep(each);
      this.#relay(socket, onward, from === undefined ? undefined : this.#link(from, node));
      this.#relay(onward, socket, from === undefined ? undefined : this.#link(node, from));
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...advertised, exclusive: true }, resolve);
    });
  }

  /** Carries one direction of a connection; when it fails both ends see the connection break. */
  #relay(source: Socket, target: Socket, link: Link | undefined): void {
    const through = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (link) await link.pass(chunk.length);
        yield chunk;
      }
    };
    const line = new DelayLine(() => link?.delayMs ?? 0);
    pipeline(source, line, through, target).catch(() => {
      source.destroy();
      target.destroy();
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #linksOf(node: string): Link[] {
    return this.#nodes
      .filter((other) => other !== node)
      .flatMap((other) => [this.#link(node, other), this.#link(other, node)]);
  }

  #link(from: string, to: string): Link {
    const key = `${from} ${to}`;
    const link = this.#links.get(key) ?? new Link();
    this.#links.set(key, link);
    return link;
  }
}
