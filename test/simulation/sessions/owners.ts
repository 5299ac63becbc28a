import { createHash } from 'node:crypto';
import type { ClusterId, Digest } from '../../../src/kernel/ids.js';
import { beginChain, newHeader, type Owner, type Owners } from '../../../src/session/owners.js';
import { headsOf, ownerText } from '../../../src/session/run.js';
import type {
  SessionHeader,
  SessionId,
  SessionOperation,
  SessionRun,
} from '../../../src/session/types.js';

/** What stands for an owner's signature: nobody but the owner makes these. 64 bytes, as P-256 has. */
function sealOf(owner: string, text: Uint8Array): Uint8Array {
  return createHash('sha512').update(`secret of ${owner}\n`).update(text).digest();
}

/**
 * In place of certificates and P-256, whose signatures would differ from run to run: a certificate is the
 * owner's name, and a signature its seal. All that replicas sign is as in production.
 */
export class SimOwners implements Pick<Owners, 'cluster' | 'ownerOf' | 'verifies'> {
  readonly cluster: ClusterId;

  constructor(cluster: ClusterId) {
    this.cluster = cluster;
  }

  /** As the production checks want it. */
  get asOwners(): Owners {
    return this as unknown as Owners;
  }

  ownerOf(certificate: Uint8Array): Owner | undefined {
    const text = new TextDecoder().decode(certificate);
    return text.startsWith('client-') ? ({ name: text } as Owner) : undefined;
  }

  verifies({ name }: Owner, text: Uint8Array, signature: Uint8Array): boolean {
    return Buffer.compare(sealOf(name, text), signature) === 0;
  }
}

/** An owner's side of one session: all of its operations, and runs of any of them. */
export class OwnedSession {
  readonly id: SessionId;
  readonly header: SessionHeader;
  readonly #cluster: ClusterId;
  readonly #owner: string;
  readonly #operations: SessionOperation[] = [];
  readonly #heads: Digest[] = [];

  constructor(cluster: ClusterId, owner: string, application: string, nowMs: number) {
    this.#cluster = cluster;
    this.#owner = owner;
    this.header = newHeader({
      application,
      owner,
      certificate: new TextEncoder().encode(owner),
      nowMs,
      random: new Uint8Array(8),
    });
    this.id = beginChain(cluster, this.header).session;
  }

  get length(): number {
    return this.#operations.length;
  }

  operation(sequence: number): SessionOperation | undefined {
    return this.#operations[sequence - 1];
  }

  headAfter(sequence: number): Digest {
    return this.#heads[sequence - 1] ?? this.id;
  }

  append(operation: SessionOperation): void {
    const first = this.length + 1;
    const before = this.headAfter(this.length);
    this.#operations.push(operation);
    this.#heads.push(...headsOf({ first, before, operations: [operation] }));
  }

  /** All operations from this one on. */
  runFrom(first: number): SessionRun {
    const text = ownerText(this.#cluster, this.id, this.length, this.headAfter(this.length));
    return {
      header: this.header,
      first,
      before: this.headAfter(first - 1),
      operations: this.#operations.slice(first - 1),
      signature: new Uint8Array(sealOf(this.#owner, text)),
    };
  }
}
