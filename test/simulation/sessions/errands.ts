import type { SessionOperation } from '../../../src/session/types.js';
import type { Random } from '../engine/random.js';
import type { Errand } from './client.js';
import { OwnedSession } from './owners.js';
import type { SessionsPlan } from './plan.js';
import type { SessionsWorld } from './world.js';

const APPLICATION = 'words';

/** What each client is going to do. Amounts are each of one operation, so that money can be followed. */
export function sendClients(world: SessionsWorld): void {
  const { plan } = world;
  let amount = 100;
  const nextAmount = (): number => {
    amount += 1;
    return amount;
  };
  for (let client = 0; client < plan.clients; client += 1) {
    const name = `client-${client}`;
    const random = world.random.fork(`errands of ${name}`);
    const errands = Array.from({ length: plan.sessionsPerClient }, (_, index): Errand => {
      const operations = drawOperations(random, plan, nextAmount);
      return {
        session: new OwnedSession(world.owners.cluster, name, APPLICATION, index + 1),
        operations,
        walksAway: random.chance(0.2),
        afterMs: random.between(0, plan.chaosMs / (plan.sessionsPerClient + 1)),
      };
    });
    world.addClient(name, random.int(plan.n), errands);
  }
}

/** One client more, with many small sessions: so the order moves on. */
export function sendPump(world: SessionsWorld, sessions: number): void {
  const errands = Array.from(
    { length: sessions },
    (_, index): Errand => ({
      session: new OwnedSession(world.owners.cluster, 'client-pump', APPLICATION, index + 1),
      operations: [{ kind: 'call', payload: 'get a' }],
      walksAway: false,
      afterMs: 0,
    }),
  );
  world.addClient('client-pump', world.correct[0] ?? 0, errands);
}

function drawOperations(
  random: Random,
  plan: SessionsPlan,
  nextAmount: () => number,
): SessionOperation[] {
  const key = () => `key${random.int(plan.keys)}`;
  const payload = (): string => {
    const kind = random.int(10);
    if (kind < 3) return `put ${key()} ${random.int(100)}`;
    if (kind < 6) return `add ${key()} ${random.int(10)}`;
    if (kind < 7) return `take ${key()}`;
    if (kind < 8) return `get ${key()}`;
    if (kind < 9) return `pay ${nextAmount()}`;
    return 'nonsense';
  };
  const calls = Array.from(
    { length: plan.operationsPerSession },
    (): SessionOperation => ({
      kind: 'call',
      payload: payload(),
    }),
  );
  return random.chance(0.7) ? [...calls, { kind: 'end' }] : calls;
}
