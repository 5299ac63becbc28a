import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Cluster } from '../../kernel/cluster.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import { type PeerCredential, tlsFailure, tlsOptions } from '../../kernel/links/identity.js';
import { ofParticipants } from '../../kernel/participants.js';
import type { SoapMessage } from '../envelope.js';
import type { TakenMessage } from '../port.js';
import { type Principal, trustOf } from '../trust.js';
import type { ReceivedMessage } from '../verification.js';
import { compactTarget, Link, type LinkFrame } from './link.js';

const handshakeTimeoutMs = 5000;
const keepAliveMs = 10_000;
/** Links that one member may have open: more than one only while it starts again. */
const linksPerMemberMax = 4;
/** Requests of one member under way at a time, on all its links; more are answered by status 503. */
const linkRequestsMax = 1024;
/** Bytes of these requests: read, they take several times as many. */
const linkRequestBytesMax = 16 * 1_048_576;
/** Where so many bytes of answers wait for a member, no more of its requests are read. */
const linkWaitingBytesMax = 4 * 1_048_576;
/** What is under way so long after the server was asked to close is cut off. */
const closeGraceMs = 2000;

const notFoundStatus = 404;
const busyStatus = 503;

/** A port as links need it. */
export interface LinkPort {
  takeMessage(message: ReceivedMessage): Promise<TakenMessage>;
}

interface UnderWay {
  requests: number;
  bytes: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Set where the node takes links of members. */
    memberServer?: MemberServer;
  }
}

/**
 * Takes links of the cluster's own nodes at the port where the node serves SOAP: HTTP CONNECT, then mutual TLS 1.3 inside,
 * each member known by its certificate in the cluster file. Messages need no signature there.
 */
export class MemberServer {
  readonly #ports = new Map<string, LinkPort>();
  readonly #links = new Map<string, TLSSocket[]>();
  /** Requests under way by member, and their bytes. */
  readonly #requests = new Map<string, UnderWay>();
  /** All connections that asked for a tunnel, whether TLS is established in them or not. */
  readonly #tunnels = new Set<Duplex>();
  readonly #log: Logger;
  readonly #occasionally: OccasionalLog;
  #isClosing = false;

  /** Serves at `app`, which does not listen yet. */
  static at(app: FastifyInstance, cluster: Cluster, credential: PeerCredential, log: Logger): void {
    app.decorate('memberServer', new MemberServer(app, cluster, credential, log));
  }

  private constructor(
    app: FastifyInstance,
    cluster: Cluster,
    credential: PeerCredential,
    log: Logger,
  ) {
    this.#log = log;
    this.#occasionally = new OccasionalLog(log);
    const trust = trustOf(cluster);
    const secured = createServer({
      ...tlsOptions(cluster, credential),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: handshakeTimeoutMs,
    });
    secured.on('secureConnection', (socket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return void socket.destroy();
      const validToMs = Date.parse(certificate.validTo);
      // A certificate that another takes the place of, or whose time is over, is nobody's from then on.
      const known = ofParticipants(cluster, () => trust(certificate));
      this.#admit(socket, () => (Date.now() <= validToMs ? known() : undefined));
    });
    secured.on('tlsClientError', (error, socket) => {
      this.#refused(socket.remoteAddress, tlsFailure(error));
      socket.destroy();
    });
    app.server.on('connect', ({ url, socket: connection }, socket) => {
      socket.on('error', () => undefined);
      if (url !== compactTarget || this.#isClosing) {
        socket.end(`HTTP/1.1 ${notFoundStatus} Not Found\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.#tunnels.add(socket);
      socket.on('close', () => this.#tunnels.delete(socket));
      app.keepConnection(connection);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      secured.emit('connection', socket);
    });
    app.addHook('preClose', () => this.#close());
  }

  /** Messages to this path go to the port. */
  serve(path: string, port: LinkPort): void {
    this.#ports.set(path, port);
  }

  #admit(socket: TLSSocket, holder: () => Principal | undefined): void {
    socket.on('error', (err) => this.#log.debug({ err }, 'member-link-error'));
    const principal = memberOf(holder);
    if (principal === undefined) return this.#refuse(socket);
    if (this.#isClosing) return void socket.destroy();
    socket.setKeepAlive(true, keepAliveMs);
    socket.on('end', () => socket.end());
    this.#count(socket, principal);
    const link = new Link(socket);
    const answer = (frame: Extract<LinkFrame, { kind: 'answer' }>): void => {
      try {
        link.send(frame);
      } catch (err) {
        this.#broken(principal, err);
        socket.destroy();
      }
      if (link.waitingBytes > linkWaitingBytesMax) pauseUntilDrained(socket);
    };
    link.onFrame(
      (frame, bytes) => {
        if (frame.kind === 'answer') throw new Error('an answer to a server');
        if (memberOf(holder) === undefined) return this.#refuse(socket);
        const { number, message } = frame;
        if (!this.#hasRoomFor(principal, bytes) || this.#isClosing) {
          return answer({ kind: 'answer', number, status: busyStatus, message: undefined });
        }
        void this.#take({ ...message, principal }, bytes, (status, reply) =>
          answer({ kind: 'answer', number, status, message: reply }),
        );
      },
      (error) => this.#broken(principal, error),
    );
  }

  async #take(
    message: ReceivedMessage,
    bytes: number,
    answer: (status: number, reply: SoapMessage | undefined) => void,
  ): Promise<void> {
    const port = this.#ports.get(pathOf(message.addressing.to));
    if (port === undefined) return answer(notFoundStatus, undefined);
    const { name } = message.principal;
    const underWay = this.#requests.get(name) ?? { requests: 0, bytes: 0 };
    this.#requests.set(name, underWay);
    underWay.requests += 1;
    underWay.bytes += bytes;
    try {
      const { status, reply, rest } = await port.takeMessage(message);
      answer(status, reply);
      await rest?.();
    } catch (err) {
      this.#log.error({ err }, 'member-message-failed');
    } finally {
      underWay.requests -= 1;
      underWay.bytes -= bytes;
      if (underWay.requests === 0) this.#requests.delete(name);
    }
  }

  #hasRoomFor({ name }: Principal, more: number): boolean {
    const { requests, bytes } = this.#requests.get(name) ?? { requests: 0, bytes: 0 };
    return requests < linkRequestsMax && bytes + more <= linkRequestBytesMax;
  }

  #count(socket: TLSSocket, { name }: Principal): void {
    const links = [...(this.#links.get(name) ?? []), socket];
    const [oldest] = links;
    if (links.length > linksPerMemberMax) oldest?.destroy();
    this.#links.set(name, links);
    socket.on('close', () => {
      const left = (this.#links.get(name) ?? []).filter((one) => one !== socket);
      if (left.length === 0) this.#links.delete(name);
      else this.#links.set(name, left);
    });
  }

  /** Answers what is under way, for as long as HTTP would. */
  async #close(): Promise<void> {
    this.#isClosing = true;
    const deadline = performance.now() + closeGraceMs;
    while (this.#requests.size > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const socket of this.#tunnels) socket.destroy();
  }

  #broken({ name }: Principal, err: unknown): void {
    this.#occasionally.write('error', 'member-message-failed', { member: name, err }, name);
  }

  #refuse(socket: TLSSocket): void {
    this.#refused(socket.remoteAddress, 'its certificate is not that of a member');
    socket.destroy();
  }

  #refused(address: string | undefined, reason: string): void {
    this.#occasionally.write('warn', 'member-refused', { address, reason }, address);
  }
}

/** Clients sign what they send: their requests are shown to others. */
function memberOf(holder: () => Principal | undefined): Principal | undefined {
  const principal = holder();
  return principal?.role === 'client' ? undefined : principal;
}

function pathOf(to: string | undefined): string {
  return to !== undefined && URL.canParse(to) ? new URL(to).pathname : '';
}

function pauseUntilDrained(socket: Socket): void {
  if (socket.isPaused()) return;
  socket.pause();
  socket.once('drain', () => socket.resume());
}
