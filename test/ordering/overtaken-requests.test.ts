import { describe, expect, it } from 'vitest';
import { NUMBERS_REMEMBERED } from '../../src/ordering/core/client-table.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { OrderingRig } from '../support/ordering-rig.js';

const options = { batchDelayMs: 0, idleDelayMs: 0 };
const engines = {
  fab: () => new OrderingRig((own, machine) => new FabEngine(own, machine), { options }),
  pbft: () => new OrderingRig((own, machine) => new PbftEngine(own, machine), { options }),
};

/** The primary is 20 ms ahead of two backups, which a client then sends a number that has been overtaken there. */
function sendOvertaken(rig: OrderingRig<FabEngine | PbftEngine>, client: string): void {
  const primary = rig.engine(0).view % 4;
  const late = [2, 3].map((more) => (primary + more) % 4);
  rig.tamper = (from, to, message) => {
    if (!late.includes(to) || message.kind === 'requests') return [message];
    rig.after(20, () => rig.transmit(from, to, message));
    return [];
  };
  rig.submit(primary, client, NUMBERS_REMEMBERED + 2);
  rig.runUntil(() => rig.history(primary).some((one) => one.includes(client)));
  for (const backup of late) rig.submit(backup, client, 1);
  rig.tamper = (_from, _to, message) => [message];
  rig.runFor(120_000);
}

describe.each(['fab', 'pbft'] as const)('a number that another has overtaken, with %s', (name) => {
  it('makes no backup wait, and so suspect the primary, which has dropped it', () => {
    const rig = engines[name]();
    rig.submit(0, 'other', 1);
    rig.runUntil(() => rig.haveApplied(1));
    for (const round of [1, 2, 3]) sendOvertaken(rig, `liar${round}`);
    expect([0, 1, 2, 3].map((replica) => rig.engine(replica).view)).toEqual([0, 0, 0, 0]);
    rig.checkOrder();
  });
});
