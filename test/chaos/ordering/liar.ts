import type { Cluster } from '../../../src/kernel/cluster.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { distortedBytes } from '../../fuzz/peer/ordering-lies.js';
import { Random as FuzzRandom } from '../../fuzz/support/random.js';
import { hashText, Random } from '../../simulation/engine/random.js';
import { Coverage } from '../../simulation/kit/coverage.js';
import { OrderingImpostor } from '../../simulation/ordering/byzantine/impostor.js';
import type { OrderingLie } from '../../simulation/ordering/byzantine/library.js';
import type { Setup } from './control.js';

/** Of so many messages of one that distorts, one is not as it should be; and of those one in so many is left out, too. */
const distorts = 4;

/** What stands between a replica that lies and its links. */
export type Liar = Pick<OrderingImpostor, 'send' | 'receives'>;

/** The simulator's liars, in real time. */
export function liarOf(
  { replica, lies, seed }: Setup,
  cluster: Cluster,
  sign: Sign,
  send: (to: ReplicaId, bytes: Uint8Array) => void,
): Liar {
  const self = replica as ReplicaId;
  const fuzz = new FuzzRandom(hashText(seed));
  const isDistorting = lies.includes('distort');
  const distorted = (to: ReplicaId, message: OrderingMessage): boolean => {
    if (!isDistorting || !fuzz.oneIn(distorts)) return false;
    send(to, distortedBytes(fuzz, { cluster: cluster.id, self, sign }, message));
    return fuzz.oneIn(2);
  };
  return new OrderingImpostor({
    self,
    sign,
    cast: { cluster },
    engine: {
      get nowMs() {
        return performance.now();
      },
      after: (delayMs, run) => void setTimeout(run, delayMs),
    },
    random: new Random(seed),
    coverage: new Coverage(),
    conspiracy: { signers: new Map(), hidden: new Map() },
    behaviours: lies.filter((lie): lie is OrderingLie => lie !== 'distort'),
    transmit: (to, message) => {
      if (!distorted(to, message)) send(to, encodeOrderingMessage(message));
    },
  });
}
