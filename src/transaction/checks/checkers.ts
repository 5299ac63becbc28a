import type { Cluster } from '../../kernel/cluster.js';
import { readAll } from '../../kernel/codec/bytes.js';
import { costs } from '../../kernel/costs.js';
import type { ReplicaId } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import { type Sender, type Take, WorkerPool } from '../../kernel/workers/pool.js';
import { MessageReader } from '../../soap/compact/message-codec.js';
import type { MessageChecks } from '../../soap/server.js';
import type { Inspected, ReceivedMessage } from '../../soap/verification.js';
import { evidenceIn } from './evidence.js';
import type { Checked, CheckerNews, CheckJob } from './job.js';

export interface CheckersOptions {
  readonly cluster: Cluster;
  /** Worker threads; without any there are no checkers. */
  readonly threads: number | undefined;
  /** Remembers what the workers vouch for. */
  readonly keyring: Keyring;
  readonly onFatal: (error: Error) => void;
}

/**
 * The worker threads that check what comes in. A signature that a worker vouches for is remembered in the keyring, so that
 * the checks of the main thread find it there.
 */
export class Checkers implements MessageChecks {
  readonly #cluster: Cluster;
  readonly #keyring: Keyring;
  readonly #pool: WorkerPool<CheckJob, Checked, CheckerNews>;
  #told: CheckerNews;

  private constructor({ cluster, keyring, onFatal }: CheckersOptions, threads: number) {
    this.#cluster = cluster;
    this.#keyring = keyring;
    this.#told = cluster.participants;
    this.#pool = new WorkerPool({ script: workerScript(), threads, data: { ...cluster }, onFatal });
  }

  static start(options: CheckersOptions): Checkers | undefined {
    const { threads = 0 } = options;
    return threads === 0 ? undefined : new Checkers(options, threads);
  }

  get isFull(): boolean {
    return this.#pool.isFull;
  }

  /**
   * Calls `then` when a worker has looked at the message, in the order of the sender's messages. Without `bytes` there is
   * nothing to look at. False, and no effect, where too much of the sender's waits.
   */
  peer(from: ReplicaId, bytes: Uint8Array | undefined, then: () => void): boolean {
    const sender: Sender = { name: `replica ${from}`, lane: from };
    if (bytes === undefined) return this.#pool.after(sender, then);
    this.#tell();
    const job = { kind: 'peer', from, bytes } as const;
    return this.#pool.runFor(sender, job, bytes.length, this.#remembering(then));
  }

  envelope(text: string): Promise<Inspected | undefined> {
    this.#tell();
    return new Promise((resolve) => {
      const take = this.#remembering((checked) => resolve(checked && inspected(checked, text)));
      if (!this.#pool.run({ kind: 'envelope', text }, text.length, take)) resolve(undefined);
    });
  }

  evidence(message: ReceivedMessage): Promise<boolean> {
    const { name } = message.principal;
    const sender: Sender = { name: `member ${name}`, lane: laneOf(name) };
    const evidence = evidenceIn(message, this.#cluster.resilience);
    const all = [...evidence.statements, ...evidence.certificates];
    const bytes = all.reduce((sum, { length }) => sum + length, 0);
    this.#tell();
    return new Promise((resolve) => {
      const then = () => resolve(true);
      const job = { kind: 'evidence', evidence } as const;
      const isTaken =
        all.length === 0
          ? this.#pool.after(sender, then)
          : this.#pool.runFor(sender, job, bytes, this.#remembering(then));
      if (!isTaken) resolve(false);
    });
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /** Participants that have joined count from the next job on. */
  #tell(): void {
    const { participants } = this.#cluster;
    if (participants === this.#told) return;
    this.#told = participants;
    this.#pool.tell(participants);
  }

  #remembering(then: Take<Checked>): Take<Checked> {
    return (checked) => {
      for (const proved of checked?.proved ?? []) this.#keyring.remember(proved);
      costs.statementsChecked += checked?.checks ?? 0;
      then(checked);
    };
  }
}

/** What a worker has found of an envelope. Undefined where it does not vouch for it, or it cannot be handed on. */
function inspected({ message }: Checked, text: string): Inspected | undefined {
  if (message === undefined) return undefined;
  const { bytes, principal, ...found } = message;
  try {
    const read = readAll(bytes, (reader) => new MessageReader().read(reader));
    costs.messagesChecked += 1;
    return { ...found, message: { ...read, principal, text } };
  } catch {
    return undefined;
  }
}

function laneOf(name: string): number {
  return [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 65_521, 0);
}

/** Workers run what is built, also where this is run from its source. */
function workerScript(): URL {
  const here = import.meta.url;
  const built = here.endsWith('.ts') ? '../../../dist/src/transaction/checks/' : './';
  return new URL(`${built}worker.js`, here);
}
