import type { ReplicaId } from '../../src/kernel/ids.js';
import { verifyOrderingMessage } from '../../src/ordering/check-message.js';
import { decodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { VerifiedOrderingMessage } from '../../src/ordering/types.js';
import { type TestCluster, testCluster } from '../support/keys.js';

/** What all runs share: keys, and signatures and checks of messages that come again in each of them. */
export class SharedWork {
  readonly parties: TestCluster;
  readonly replicas: readonly ReplicaId[];
  readonly #signatures = new Map<string, Uint8Array>();
  readonly #verified = new Map<string, VerifiedOrderingMessage | undefined>();
  readonly #bytes = new WeakMap<VerifiedOrderingMessage, Uint8Array>();

  constructor(n = 4, f = 1) {
    this.parties = testCluster({ n, f });
    this.replicas = this.parties.cluster.coordinators.map(({ id }) => id);
  }

  signerOf(replica: number): (bytes: Uint8Array) => Uint8Array {
    const sign = this.parties.replicaSign(replica);
    return (bytes) => {
      const name = `${replica} ${Buffer.from(bytes).toString('latin1')}`;
      const signature = this.#signatures.get(name) ?? sign(bytes);
      this.#signatures.set(name, signature);
      return signature;
    };
  }

  /** As a link hands it on; undefined where a signature does not hold. */
  verified(from: ReplicaId, bytes: Uint8Array): VerifiedOrderingMessage | undefined {
    const name = `${from} ${Buffer.from(bytes).toString('latin1')}`;
    if (this.#verified.has(name)) return this.#verified.get(name);
    const { keyring, cluster } = this.parties;
    const message = decodeOrderingMessage(cluster.id, bytes);
    const result = verifyOrderingMessage(keyring, () => true, from, message);
    const verified = result.ok ? result.value : undefined;
    if (verified) this.#bytes.set(verified, bytes);
    this.#verified.set(name, verified);
    return verified;
  }

  bytesOf(message: VerifiedOrderingMessage): Uint8Array {
    return this.#bytes.get(message) ?? new Uint8Array();
  }
}
