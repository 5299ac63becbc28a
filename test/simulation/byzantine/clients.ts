import { clientId } from '../../../src/kernel/ids.js';
import { drawOrder } from '../run/orders.js';
import type { BehaviourMaker, Liar } from './liar.js';
import { halves } from './replica-tools.js';

/** Another order, under the same timestamp, for some of the initiators. */
export const equivocateRequests: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (to, packet) => {
      if (packet.kind !== 'transfer' || !isOther(to)) return undefined;
      liar.lied();
      const order = drawOrder(liar.random, banksOf(liar));
      liar.asked(packet.timestamp, order);
      return [{ ...packet, order }];
    },
  };
};

/** Asks some of the initiators only. */
export const askSome: BehaviourMaker = (liar) => {
  const isLeftOut = halves(liar);
  return {
    outgoing: (to, packet) => {
      if (packet.kind !== 'transfer' || !isLeftOut(to)) return undefined;
      liar.lied();
      return [];
    },
  };
};

/** Requests out of their order, with old timestamps and new ones, before the last is answered. */
export const hurry: BehaviourMaker = (liar) => {
  let most = 12;
  liar.every(2500, () => {
    most -= 1;
    if (most < 0) return;
    liar.lied();
    const timestamp = 1_000_000 + liar.random.int(2_000_000_000);
    const order = drawOrder(liar.random, banksOf(liar));
    liar.asked(timestamp, order);
    const client = clientId(liar.address);
    for (const { name } of liar.cast.cluster.initiators) {
      if (liar.random.chance(0.2)) continue;
      liar.send(name, { kind: 'transfer', call: liar.nextCall(), client, timestamp, order });
    }
  });
  return {};
};

function banksOf({ cast }: Liar): string[] {
  return cast.cluster.participants.map(({ name }) => name);
}
