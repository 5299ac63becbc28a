import type { Core } from '../../../src/kernel/core.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Deferred } from '../engine/deferred.js';
import { replicaAt } from '../kit/cast.js';
import { Party, type PartyOptions } from '../kit/party.js';

export interface ReplicaPartyOptions extends PartyOptions {
  readonly self: ReplicaId;
  readonly n: number;
  /** What the core does in memory, until it is on disk. */
  readonly deferred: Deferred;
  /** By how much it is slow now. */
  readonly extraMs: () => number;
}

interface PeerUp {
  readonly kind: 'peer-up';
  readonly replica: ReplicaId;
}

/** A replica with an ordering engine: it links up with its peers, and may be slow. */
export abstract class ReplicaParty<
  Message,
  Input,
  Output extends { readonly kind: string },
> extends Party<Message, Input, Output> {
  readonly #options: ReplicaPartyOptions;

  constructor(options: ReplicaPartyOptions, core: Core<Input, Output>) {
    super(options, core, options.deferred);
    this.#options = options;
  }

  override linked(other: string): void {
    const replica = replicaAt(other);
    if (replica === undefined) return;
    const peerUp: PeerUp = { kind: 'peer-up', replica };
    this.submit(peerUp as Input & PeerUp);
  }

  receive(from: string, message: Message): void {
    const extraMs = this.#options.extraMs();
    if (extraMs > 0) this.host.after(extraMs, () => this.take(from, message));
    else this.take(from, message);
  }

  protected abstract take(from: string, message: Message): void;

  protected get others(): ReplicaId[] {
    const { n, self } = this.#options;
    return Array.from({ length: n }, (_, index) => index as ReplicaId).filter((it) => it !== self);
  }
}
