import { createHistogram } from 'node:perf_hooks';
import { decodeDecisionProof } from '../../../agreement/certificate.js';
import { verifyPeerMessage } from '../../../agreement/check-message.js';
import { type PeerMessage, slotKey } from '../../../agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../../agreement/peer-message.js';
import type { Cluster } from '../../../kernel/cluster.js';
import { OccasionalLog } from '../../../kernel/http/log-output.js';
import type { Logger } from '../../../kernel/http/logger.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import type { Keyring } from '../../../kernel/keys.js';
import type { PeerNetwork } from '../../../kernel/links/peer-network.js';
import type { Store } from '../../../kernel/store/store.js';
import type { Checkers } from '../../checks/checkers.js';
import type { CoordinatorInput, CoordinatorOutput } from '../core/messages.js';
import { storedDecision } from './decisions.js';

/** The outputs that go to other replicas. */
export type PeerOutput = Extract<CoordinatorOutput, { kind: 'send' | 'broadcast' | 'send-proof' }>;

export interface PeersOptions {
  readonly cluster: Cluster;
  readonly network: Pick<PeerNetwork, 'attach' | 'send' | 'broadcast'>;
  readonly keyring: Keyring;
  readonly store: Pick<Store, 'load'>;
  /** Worker threads that look at messages first. */
  readonly checkers?: Checkers | undefined;
  readonly log: Logger;
  /** Whether a message that is not verified yet can make a difference. */
  needs(message: PeerMessage): boolean;
  submit(input: CoordinatorInput): boolean;
}

/** The agreement with the other replicas: encodes what goes out, decodes and verifies what comes in. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #occasionally: OccasionalLog;

  constructor(options: PeersOptions) {
    const { network, log, submit } = options;
    this.#options = options;
    this.#occasionally = new OccasionalLog(log);
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
    const { network } = this.#options;
    if (output.kind === 'send') network.send('agreement', output.to, bytes);
    else network.broadcast('agreement', bytes);
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
      const stored = await storedDecision(store, slot);
      if (!stored) return;
      const proof = decodeDecisionProof(cluster.id, stored);
      network.send('agreement', to, encodePeerMessage({ kind: 'decided', proof }));
    } catch (error) {
      log.warn({ err: error, slot: slotKey(slot) }, 'proof-not-sent');
    }
  }

  #onMessage(from: ReplicaId, bytes: Uint8Array): void {
    const { cluster, needs, checkers } = this.#options;
    const message = decodePeerMessage(cluster.id, bytes);
    if (checkers === undefined) return this.#take(from, message);
    const toCheck = needs(message) ? bytes : undefined;
    if (checkers.peer(from, toCheck, () => this.#takeLater(from, message))) return;
    this.#occasionally.write('warn', 'peer-message-dropped', { from, kind: message.kind }, from);
  }

  /** What is thrown while a worker's results are taken would end the node, and not only cost the sender its connection. */
  #takeLater(from: ReplicaId, message: PeerMessage): void {
    try {
      this.#take(from, message);
    } catch (err) {
      this.#occasionally.write('error', 'peer-message-failed', { replica: from, err }, from);
    }
  }

  #take(from: ReplicaId, message: PeerMessage): void {
    const { keyring, needs, submit } = this.#options;
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

/** Durations of one kind since the start. `sumMs` and `count` let others take means over a time. */
export interface LatencyFigures {
  readonly count: number;
  readonly sumMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Begun and not ended; the oldest is given up. Backups do not see the end of most. */
const OPEN_MAX = 8192;

class Latency {
  readonly #histogram = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 });
  readonly #begun = new Map<string, number>();
  #sumMs = 0;

  begin(id: string): void {
    if (this.#begun.has(id)) return;
    this.#begun.set(id, performance.now());
    const [oldest] = this.#begun.keys();
    if (this.#begun.size > OPEN_MAX && oldest !== undefined) this.#begun.delete(oldest);
  }

  end(id: string): void {
    const begun = this.#begun.get(id);
    if (begun === undefined) return;
    this.#begun.delete(id);
    const tookMs = performance.now() - begun;
    this.#sumMs += tookMs;
    this.#histogram.record(Math.max(1, Math.round(tookMs * 1000)));
  }

  get figures(): LatencyFigures {
    const { count } = this.#histogram;
    const percentileMs = (p: number) => (count === 0 ? 0 : this.#histogram.percentile(p) / 1000);
    return { count, sumMs: this.#sumMs, p50Ms: percentileMs(50), p99Ms: percentileMs(99) };
  }
}

/** What Zhao §5 measures at a coordinator replica: activation, and two-phase commit with its agreement. */
export class Latencies {
  readonly #activation = new Latency();
  readonly #twoPhaseCommit = new Latency();

  onInput(input: CoordinatorInput): void {
    if (input.kind === 'activate') this.#activation.begin(input.replyId);
    else if (input.kind === 'complete') this.#twoPhaseCommit.begin(input.statement.statement.tid);
  }

  onOutput(output: CoordinatorOutput): void {
    if (output.kind === 'activated') this.#activation.end(output.replyId);
    else if (output.kind === 'notify-initiator') this.#twoPhaseCommit.end(output.tid);
  }

  get figures(): { activation: LatencyFigures; twoPhaseCommit: LatencyFigures } {
    return { activation: this.#activation.figures, twoPhaseCommit: this.#twoPhaseCommit.figures };
  }
}
