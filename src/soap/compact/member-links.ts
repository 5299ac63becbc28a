import { request } from 'node:http';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Cluster, Member } from '../../kernel/cluster.js';
import { sha256 } from '../../kernel/digest.js';
import type { Logger } from '../../kernel/http/logger.js';
import { urlOf } from '../../kernel/http/url.js';
import { type PeerCredential, tlsFailure, tlsOptions } from '../../kernel/links/identity.js';
import { ofParticipants } from '../../kernel/participants.js';
import type { SoapMessage } from '../envelope.js';
import { SoapTransportError } from '../transport.js';
import { type Principal, type Trust, trustOf } from '../trust.js';
import { compactTarget, Link, type LinkFrame } from './link.js';

const connectTimeoutMs = 5000;
const keepAliveMs = 10_000;
const firstRetryMs = 50;
const lastRetryMs = 5000;
/** A member that has no compact binding is asked again so much later. */
const withoutBindingMs = 60_000;
/** Requests to one member under way at a time: as many as it takes. */
const linkPendingMax = 1024;
/** Bytes that a member has not taken yet; no more are sent meanwhile. */
const linkUnsentBytesMax = 8 * 1_048_576;

/** `not-taken`: the member answers that it takes no links, so messages to it are SOAP. */
export type LinkState = 'up' | 'down' | 'not-taken';

/** Names that are shown of members whose links have one state. */
const linkNamesMax = 128;

/** Names of the members that something was to be sent to, by the state of the link to them. */
export interface LinkNames {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly notTaken: readonly string[];
}

/** What came back for a message. */
export interface LinkAnswer {
  /** An HTTP status. */
  readonly status: number;
  readonly message: SoapMessage | undefined;
  /** The member at the other end. */
  readonly principal: Principal;
}

interface Pending {
  resolve(answer: LinkAnswer): void;
  reject(error: SoapTransportError): void;
  readonly timer: NodeJS.Timeout;
}

type Answer = Extract<LinkFrame, { kind: 'answer' }>;

/** The compact binding's calling side: a link to each of the cluster's own nodes, dialled when it is first needed. */
export class MemberLinks {
  readonly #cluster: Cluster;
  readonly #credential: PeerCredential;
  readonly #log: Logger | undefined;
  readonly #trust: Trust;
  readonly #members: () => ReadonlyMap<string, Member>;
  readonly #links = new Map<string, MemberLink>();

  constructor(cluster: Cluster, credential: PeerCredential, log?: Logger) {
    this.#cluster = cluster;
    this.#credential = credential;
    this.#log = log;
    this.#trust = trustOf(cluster);
    this.#members = ofParticipants(cluster, (participants) =>
      byOrigin([...cluster.coordinators, ...cluster.initiators, ...participants]),
    );
  }

  /** The link to the member at this address. `undefined` where it is none, or the way is not open: use SOAP then. */
  to(address: string): MemberLink | undefined {
    const member = this.#members().get(originOf(address));
    if (member === undefined) return undefined;
    let link = this.#links.get(member.url);
    if (link === undefined || link.member !== member) {
      link?.close();
      const [cluster, credential, trust] = [this.#cluster, this.#credential, this.#trust];
      link = new MemberLink({ cluster, credential, trust, member, log: this.#log });
      this.#links.set(member.url, link);
    }
    return link.isOpen() ? link : undefined;
  }

  /** Of each state, at most `linkNamesMax`. */
  names(): LinkNames {
    const links = [...this.#links.values()];
    const of = (state: LinkState) =>
      links
        .filter((link) => link.state === state)
        .slice(0, linkNamesMax)
        .map(({ member }) => member.name);
    return { up: of('up'), down: of('down'), notTaken: of('not-taken') };
  }

  /** What is under way fails. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}

interface MemberLinkOptions {
  readonly cluster: Cluster;
  readonly credential: PeerCredential;
  readonly trust: Trust;
  readonly member: Member;
  readonly log: Logger | undefined;
}

interface Open {
  readonly link: Link;
  readonly socket: TLSSocket;
  readonly principal: Principal;
  /** When something came last, by `performance.now()`. */
  receivedAtMs: number;
}

/** The link to one member, dialled again with back-off where it broke and a message is to be sent. */
export class MemberLink {
  readonly #options: MemberLinkOptions;
  readonly #pending = new Map<number, Pending>();
  #open: Open | undefined;
  #dialling: (() => void) | undefined;
  #failures = 0;
  #retryAt = 0;
  #last = 0;
  #isTaken = true;

  constructor(options: MemberLinkOptions) {
    this.#options = options;
  }

  get member(): Member {
    return this.#options.member;
  }

  get state(): LinkState {
    if (this.#open !== undefined) return 'up';
    return this.#isTaken ? 'down' : 'not-taken';
  }

  /** Dials where the link is not open and it is time to. */
  isOpen(): boolean {
    if (this.#open !== undefined) return true;
    if (this.#dialling === undefined && performance.now() >= this.#retryAt) this.#dial();
    return false;
  }

  /** Sends the message and waits for its answer. Throws `SoapTransportError` where none comes. */
  post(message: SoapMessage, timeoutMs: number): Promise<LinkAnswer> {
    const { to = '' } = message.addressing;
    const open = this.#open;
    if (open === undefined) throw new SoapTransportError('refused', to, 'the link is closed');
    if (this.#pending.size >= linkPendingMax || open.link.waitingBytes > linkUnsentBytesMax) {
      throw new SoapTransportError('busy', to, `${this.#pending.size} requests under way`);
    }
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const sentAtMs = performance.now();
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#fail(number, new SoapTransportError('timeout', to, 'no answer'));
        // Nothing at all came since: the way may be gone without either end having noticed.
        if (open.receivedAtMs < sentAtMs) open.socket.destroy();
      };
      const timer = setTimeout(late, timeoutMs);
      this.#pending.set(number, { resolve, reject, timer });
      try {
        open.link.send({ kind: 'request', number, message });
      } catch (error) {
        this.#fail(number, new SoapTransportError('too-large', to, String(error)));
        open.socket.destroy();
      }
    });
  }

  close(): void {
    this.#retryAt = Number.POSITIVE_INFINITY;
    this.#dialling?.();
    this.#open?.socket.destroy();
  }

  #dial(): void {
    const { member } = this.#options;
    const { hostname, port } = new URL(member.url);
    let socket: Socket | undefined;
    const asking = request({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 80,
      method: 'CONNECT',
      path: compactTarget,
      agent: false,
    });
    const timer = setTimeout(() => giveUp('timed out'), connectTimeoutMs);
    const giveUp = (reason: string, againMs?: number): void => {
      if (this.#dialling !== stop) return;
      stop();
      this.#failed(reason, againMs);
    };
    const stop = (): void => {
      this.#dialling = undefined;
      clearTimeout(timer);
      asking.destroy();
      socket?.destroy();
    };
    this.#dialling = stop;
    asking.on('error', (error) => giveUp(error.message));
    asking.on('response', ({ statusCode }) => giveUp(`status ${statusCode}`, withoutBindingMs));
    asking.on('connect', ({ statusCode }, tunnel) => {
      socket = tunnel;
      tunnel.on('error', (error) => giveUp(error.message));
      if (statusCode !== 200) return giveUp(`status ${statusCode}`, withoutBindingMs);
      const secured = this.#secure(tunnel, giveUp, () => {
        clearTimeout(timer);
        this.#dialling = undefined;
      });
      secured.on('close', () => giveUp('closed'));
    });
    asking.end();
  }

  #secure(tunnel: Socket, giveUp: (reason: string) => void, onEstablished: () => void): TLSSocket {
    const { cluster, credential, member, trust } = this.#options;
    const socket = connect({
      ...tlsOptions(cluster, credential),
      socket: tunnel,
      // Which name the certificate bears does not matter: it must be the one in the cluster file.
      checkServerIdentity: () => undefined,
    });
    socket.on('error', (error) => giveUp(tlsFailure(error)));
    socket.on('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const principal = certificate && trust(certificate);
      if (
        certificate === undefined ||
        principal === undefined ||
        sha256(certificate.raw) !== member.certificateSha256
      ) {
        return giveUp('its certificate is not the one in the cluster file');
      }
      onEstablished();
      this.#established(socket, principal);
    });
    return socket;
  }

  #established(socket: TLSSocket, principal: Principal): void {
    const { member, log } = this.#options;
    socket.setKeepAlive(true, keepAliveMs);
    const link = new Link(socket);
    const open: Open = { link, socket, principal, receivedAtMs: performance.now() };
    this.#open = open;
    this.#failures = 0;
    this.#isTaken = true;
    log?.info({ member: member.name }, 'member-link-up');
    link.onFrame(
      (frame) => {
        if (frame.kind === 'request') throw new Error('a request to a client');
        open.receivedAtMs = performance.now();
        this.#answered(frame, principal);
      },
      (err) => log?.error({ member: member.name, err }, 'member-message-failed'),
    );
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.#open = undefined;
      for (const number of [...this.#pending.keys()]) {
        this.#fail(number, new SoapTransportError('refused', member.url, 'the link broke'));
      }
      this.#failed('closed');
    });
  }

  #answered({ number, status, message }: Answer, principal: Principal): void {
    this.#take(number)?.resolve({ status, message, principal });
  }

  #failed(reason: string, againMs?: number): void {
    const { member, log } = this.#options;
    if (this.#retryAt === Number.POSITIVE_INFINITY) return;
    const isTaken = againMs !== withoutBindingMs;
    if (this.#failures === 0 || isTaken !== this.#isTaken) {
      const event = isTaken ? 'member-link-down' : 'member-takes-no-links';
      log?.info({ member: member.name, reason }, event);
    }
    this.#isTaken = isTaken;
    const delayMs = againMs ?? Math.min(firstRetryMs * 2 ** this.#failures, lastRetryMs);
    this.#failures += 1;
    this.#retryAt = performance.now() + delayMs;
  }

  #fail(number: number, error: SoapTransportError): void {
    this.#take(number)?.reject(error);
  }

  #take(number: number): Pending | undefined {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    clearTimeout(pending?.timer);
    return pending;
  }
}

function byOrigin(members: readonly Member[]): ReadonlyMap<string, Member> {
  // Behind https there is a proxy, which knows no such tunnel.
  const direct = members.filter(({ url }) => url.startsWith('http:'));
  return new Map(direct.map((member) => [originOf(member.url), member]));
}

function originOf(address: string): string {
  return urlOf(address)?.origin ?? '';
}
