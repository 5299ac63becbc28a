import type { ReplicaId } from '../../vocabulary/ids.js';
import type { CheckpointCertificate } from '../../vocabulary/ordering.js';
import { resendDelayMs } from '../effects.js';
import type { Outbox } from './outbox.js';

const REPAIR = 'repair';

interface Wanted {
  readonly certificate: CheckpointCertificate;
  /** Replicas that signed for this state; the one that is asked next comes first. */
  readonly holders: ReplicaId[];
  tries: number;
}

/**
 * A replica whose state is not what a quorum has signed takes theirs. It asks one of those that signed at a time,
 * less and less often, so that a replica that differs costs the others little.
 */
export class Repair {
  readonly #outbox: Outbox;
  #wanted: Wanted | undefined;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get isNeeded(): boolean {
    return this.#wanted !== undefined;
  }

  /** Whether this state would do. */
  wants({ statement }: CheckpointCertificate): boolean {
    const { certificate } = this.#wanted ?? {};
    return certificate !== undefined && statement.position >= certificate.statement.position;
  }

  /** This replica's own state at the certificate's position is another one, or follows from another one. */
  start(certificate: CheckpointCertificate): void {
    const { position } = certificate.statement;
    if (this.#wanted && position <= this.#wanted.certificate.statement.position) return;
    if (!this.#wanted) this.#outbox.log('error', 'state-diverged', { position });
    const { self } = this.#outbox.options;
    const holders = certificate.signatures
      .map(({ replica }) => replica)
      .filter((replica) => replica !== self);
    this.#wanted = { certificate, holders, tries: 0 };
    this.#ask(this.#wanted);
  }

  /** The state has come. */
  end(): void {
    this.#wanted = undefined;
    this.#outbox.stopTimer(REPAIR);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== REPAIR) return false;
    if (this.#wanted) this.#ask(this.#wanted);
    return true;
  }

  /** By the digest of the whole state, which a replica that has it answers with its list of chunks. */
  #ask(wanted: Wanted): void {
    const { holders, certificate, tries } = wanted;
    const [holder] = holders;
    if (holder === undefined) return;
    holders.push(...holders.splice(0, 1));
    wanted.tries += 1;
    this.#outbox.send(holder, { kind: 'fetch-chunk', digest: certificate.statement.digest });
    const { resendAfterMs } = this.#outbox.options;
    this.#outbox.startTimer(REPAIR, resendDelayMs(resendAfterMs, tries));
  }
}
