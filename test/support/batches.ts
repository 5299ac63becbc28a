import { signBatch } from '../../src/kernel/batch.js';
import type { Sign } from '../../src/kernel/keys.js';
import { upTo } from './evidence.js';
import type { TestCluster } from './keys.js';

/** The same parties, and each of their signatures is that of the text at `index` among `count`. */
export function signingInBatches(parties: TestCluster, count: number, index: number): TestCluster {
  const inBatch =
    (sign: Sign): Sign =>
    (bytes) => {
      const texts = upTo(count).map((place) => (place === index ? bytes : new Uint8Array([place])));
      const signature = signBatch((text) => sign(text), texts)[index];
      if (signature === undefined) throw new RangeError(`no place ${index} of ${count}`);
      return signature;
    };
  return {
    ...parties,
    replicaSign: (replica) => inBatch(parties.replicaSign(replica)),
    initiatorSign: (initiator) => inBatch(parties.initiatorSign(initiator)),
    participantSign: (name) => inBatch(parties.participantSign(name)),
  };
}
