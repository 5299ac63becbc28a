import type { VerificationError } from '../../agreement/check-signature.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import { type ReplicaId, unreachable } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import type { PeerChannel } from '../../kernel/links/frames.js';
import type { PeerNetwork } from '../../kernel/links/peer-network.js';
import {
  type RequestCheck,
  rememberSent,
  verifyOrderingMessage,
} from '../../ordering/check-message.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../ordering/message-codec.js';
import type { SessionInput, SessionOutput } from '../core/outbox.js';
import {
  decodeSessionMessage,
  encodeSessionMessage,
  type SessionMessage,
  verifySessionMessage,
} from '../message.js';
import type { Owners } from '../owners.js';

/** The outputs that go to other replicas. */
export type SessionPeerOutput = Extract<
  SessionOutput,
  { kind: 'send-session' | 'broadcast-session' | 'send-ordering' | 'broadcast-ordering' }
>;

export interface SessionPeersOptions {
  readonly network: PeerNetwork;
  readonly keyring: Keyring;
  readonly owners: Owners;
  readonly isGenuine: RequestCheck;
  /** False where nothing would come of a message: it is dropped, and its signatures are not checked. */
  needs(message: SessionMessage): boolean;
  readonly log: Logger;
  nowMs(): number;
  submit(input: SessionInput): boolean;
}

/** The sessions of the other replicas: encodes what goes out, decodes and verifies what comes in. */
export class SessionPeers {
  readonly #options: SessionPeersOptions;
  readonly #occasionally: OccasionalLog;

  constructor(options: SessionPeersOptions) {
    const { network, log, submit } = options;
    this.#options = options;
    this.#occasionally = new OccasionalLog(log);
    network.attach('ordering', { onMessage: (from, bytes) => this.#onOrdering(from, bytes) });
    network.attach('sessions', {
      onMessage: (from, bytes) => this.#onSession(from, bytes),
      onUp: (replica) => void submit({ kind: 'peer-up', replica }),
    });
  }

  send(output: SessionPeerOutput): void {
    switch (output.kind) {
      case 'send-session':
      case 'broadcast-session': {
        const { message } = output;
        const to = output.kind === 'send-session' ? output.to : 'others';
        return this.#send('sessions', to, message.kind, () => encodeSessionMessage(message));
      }
      case 'send-ordering':
      case 'broadcast-ordering': {
        const { message } = output;
        const to = output.kind === 'send-ordering' ? output.to : 'others';
        rememberSent(this.#options.keyring, message);
        return this.#send('ordering', to, message.kind, () => encodeOrderingMessage(message));
      }
      default:
        return unreachable(output);
    }
  }

  /** What cannot be encoded is dropped, as if the network had lost it: sessions go on. */
  #send(
    channel: PeerChannel,
    to: ReplicaId | 'others',
    kind: string,
    encode: () => Uint8Array,
  ): void {
    let bytes: Uint8Array;
    try {
      bytes = encode();
    } catch (error) {
      const { message: reason } = error instanceof Error ? error : new Error(String(error));
      return this.#occasionally.write('error', 'message-not-sent', { channel, kind, reason }, kind);
    }
    const { network } = this.#options;
    if (to === 'others') network.broadcast(channel, bytes);
    else network.send(channel, to, bytes);
  }

  #onOrdering(from: ReplicaId, bytes: Uint8Array): void {
    const { keyring, isGenuine, nowMs, submit } = this.#options;
    const message = decodeOrderingMessage(keyring.cluster.id, bytes, { mayShare: true });
    const verified = verifyOrderingMessage(keyring, isGenuine, from, message);
    if (!verified.ok) return this.#refuse('ordering', from, message.kind, verified.error);
    submit({ kind: 'ordering', message: verified.value, nowMs: nowMs() });
  }

  #onSession(from: ReplicaId, bytes: Uint8Array): void {
    const { keyring, owners, needs, nowMs, submit } = this.#options;
    const message = decodeSessionMessage(keyring.cluster.id, bytes);
    if (!needs(message)) return;
    const verified = verifySessionMessage(keyring, owners, from, message);
    if (!verified.ok) return this.#refuse('sessions', from, message.kind, verified.error);
    submit({ kind: 'session', message: verified.value, nowMs: nowMs() });
  }

  #refuse(channel: PeerChannel, from: ReplicaId, kind: string, error: VerificationError): void {
    this.#occasionally.write('warn', 'peer-message-refused', { from, channel, kind, error }, from);
  }
}
