import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../core/transaction/coordinator-messages.js';
import type { Keyring } from '../../crypto/keyring.js';
import { verifyPeerMessage } from '../../crypto/verify.js';
import type { Logger } from '../../edge/http/logger.js';
import { OccasionalLog } from '../../edge/http/occasional-log.js';
import type { PeerNetwork } from '../../edge/peer/peer-network.js';
import type { Store } from '../../edge/store/store.js';
import { type PeerMessage, slotKey } from '../../vocabulary/agreement.js';
import type { Cluster, CoordinatorMember } from '../../vocabulary/cluster.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import { decodeDecisionProof, decodePeerMessage, encodePeerMessage } from '../../wire/index.js';

/** The outputs that go to other replicas. */
export type PeerOutput = Extract<CoordinatorOutput, { kind: 'send' | 'broadcast' | 'send-proof' }>;

export interface PeersOptions {
  readonly cluster: Cluster;
  readonly self: CoordinatorMember;
  readonly network: PeerNetwork;
  readonly keyring: Keyring;
  readonly store: Store;
  readonly log: Logger;
  /** Whether a message that is not verified yet can make a difference. */
  needs(message: PeerMessage): boolean;
  submit(input: CoordinatorInput): boolean;
}

/** The agreement with the other replicas: encodes what goes out, decodes and verifies what comes in. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #others: readonly ReplicaId[];
  readonly #occasionally: OccasionalLog;

  constructor(options: PeersOptions) {
    const { cluster, self, network, log, submit } = options;
    this.#options = options;
    this.#occasionally = new OccasionalLog(log);
    this.#others = cluster.coordinators.map(({ id }) => id).filter((id) => id !== self.id);
    network.attach('agreement', {
      onMessage: (from, bytes) => this.#onMessage(from, bytes),
      onUp: (replica) => void submit({ kind: 'peer-up', replica }),
    });
  }

  send(output: PeerOutput): void {
    if (output.kind === 'send-proof') {
      void this.#sendProof(output);
      return;
    }
    const bytes = this.#encode(output.message);
    if (!bytes) return;
    for (const to of output.kind === 'send' ? [output.to] : this.#others) {
      this.#options.network.send('agreement', to, bytes);
    }
  }

  /** What cannot be encoded is dropped, as if the network had lost it: the coordinator goes on. */
  #encode(message: PeerMessage): Uint8Array | undefined {
    try {
      return encodePeerMessage(message);
    } catch (error) {
      const { kind } = message;
      const { message: reason } = error instanceof Error ? error : new Error(String(error));
      this.#occasionally.write('error', 'message-not-sent', { kind, reason }, kind);
      return undefined;
    }
  }

  /** A proof that is not in the store any more is not sent: it was pruned for good. */
  async #sendProof({ to, slot }: Extract<PeerOutput, { kind: 'send-proof' }>): Promise<void> {
    const { store, cluster, network, log } = this.#options;
    try {
      const [record] = await store.load(`decided/${slotKey(slot)}`);
      if (!record) return;
      const proof = decodeDecisionProof(cluster.id, record.value);
      network.send('agreement', to, encodePeerMessage({ kind: 'decided', proof }));
    } catch (error) {
      log.warn({ err: error, slot: slotKey(slot) }, 'proof-not-sent');
    }
  }

  #onMessage(from: ReplicaId, bytes: Uint8Array): void {
    const { keyring, cluster, needs, submit } = this.#options;
    const message = decodePeerMessage(cluster.id, bytes);
    if (!needs(message)) return;
    const verified = verifyPeerMessage(keyring, from, message);
    if (verified.ok) {
      submit({ kind: 'peer', message: verified.value });
      return;
    }
    const refusal = { from, kind: message.kind, error: verified.error };
    this.#occasionally.write('warn', 'peer-message-refused', refusal, from);
  }
}
