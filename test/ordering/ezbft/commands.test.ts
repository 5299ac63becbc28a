import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import { weigh } from '../../../src/ordering/core/ezbft/deciding.js';
import { encodeSettlement } from '../../../src/ordering/settlement-codec.js';
import {
  instanceClient,
  type OrderingMessage,
  type OrderingRequest,
  type SpecReply,
} from '../../../src/ordering/types.js';
import { KeyedRig } from './keyed.js';

type Replies = Map<number, Signed<SpecReply>>;

/** Of two replies of others and the liar's own, which names nothing: a no-op. Nothing where these make a batch. */
function noOpOf(rig: KeyedRig, liar: number, replies: Replies): OrderingRequest | undefined {
  const { resilience } = rig.parties.cluster;
  const others = [...replies].filter(([replica]) => replica !== liar);
  const [first] = others;
  if (!first) return undefined;
  const { space, index } = first[1].statement.instance;
  const own = [liar, rig.reply(liar, space, index, null)] as const;
  const choices = [others.slice(0, 2), others.slice(-2)].map((two) => [...two, own]);
  const chosen = choices.find((said) => {
    if (said.length < 3) return false;
    const values = said.map(([, { statement }]) => statement.value);
    const { candidate, merged } = weigh(values, resilience);
    return !candidate && !merged;
  });
  if (!chosen) return undefined;
  const said = chosen
    .sort(([a], [b]) => a - b)
    .map(([replica, reply]) => ({ replica: replica as ReplicaId, reply }));
  const payload = encodeSettlement({ said, touched: null });
  return { client: instanceClient(space), number: index, payload };
}

/** It has each instance settled as a no-op as soon as two replies to it differ. */
class Hasty {
  readonly #rig: KeyedRig;
  readonly #liar: number;
  readonly #send: (command: OrderingRequest) => void;
  readonly #known = new Map<string, Replies>();
  readonly #done = new Set<string>();

  constructor(rig: KeyedRig, liar: number, send: (command: OrderingRequest) => void) {
    this.#rig = rig;
    this.#liar = liar;
    this.#send = send;
  }

  get lies(): number {
    return this.#done.size;
  }

  hears(from: number, message: OrderingMessage): void {
    const reply = message.kind === 'spec-reply' ? message.reply : undefined;
    const order = message.kind === 'spec-order' ? message.order : undefined;
    const said = reply ?? order;
    if (!said) return;
    const { space, index } = said.statement.instance;
    const key = `${space}.${index}`;
    this.#rig.after(10, () => {
      const replies: Replies = this.#known.get(key) ?? new Map();
      this.#known.set(key, replies.set(order ? space : from, said));
      const command = this.#done.has(key) ? undefined : noOpOf(this.#rig, this.#liar, replies);
      if (!command) return;
      this.#done.add(key);
      this.#send(command);
    });
  }
}

describe('a liar that has instances settled as no-ops, early', () => {
  /** Messages take 10 ms, those of the replica that is far away 70; three requests of one key. */
  function rigOf(liar: number, far: number): KeyedRig {
    const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0 } });
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    rig.crash(liar);
    rig.tamper = (from, to, message) => {
      if (to === liar) return [message];
      if (from !== far && to !== far) return [message];
      rig.after(60, () => rig.transmit(from, to, message));
      return [];
    };
    return rig;
  }

  function lieBy(rig: KeyedRig, liar: number, send: (command: OrderingRequest) => void): Hasty {
    const hasty = new Hasty(rig, liar, send);
    const { tamper } = rig;
    rig.tamper = (from, to, message) => {
      if (to === liar) hasty.hears(from, message);
      return tamper(from, to, message);
    };
    return hasty;
  }

  it('does not keep requests from being executed by commands of its own', () => {
    const rig = rigOf(3, 2);
    const hasty = lieBy(rig, 3, (command) => {
      const message = { kind: 'requests', scope: 'ezbft-decisions', batch: [command] } as const;
      for (const to of [0, 1, 2]) rig.transmit(3, to, message);
    });
    for (const home of [0, 1, 2]) rig.submit(home, `c${home}`, 1, 'one x');
    rig.runUntil(() => rig.haveApplied(3), 1_000);
    expect(hasty.lies).toBeGreaterThan(0);
    rig.checkKeys();
  });

  it("nor as the Decision Module's primary, for longer than until it is replaced", () => {
    const rig = rigOf(0, 2);
    let sequence = 0;
    const hasty = lieBy(rig, 0, (command) => {
      sequence += 1;
      for (const to of [1, 2, 3]) rig.transmit(0, to, rig.proposed(0, sequence, [command]));
    });
    for (const home of [1, 2, 3]) rig.submit(home, `c${home}`, 1, 'one x');
    rig.runUntil(() => rig.haveApplied(3), 5_000);
    expect(hasty.lies).toBeGreaterThan(0);
    rig.checkKeys();
  });

  it('has its way where the others have waited for as long as they have patience', () => {
    const rig = rigOf(0, 0);
    let isLosing = true;
    rig.tamper = (_from, to, message) =>
      isLosing && to !== 0 && message.kind === 'spec-reply' ? [] : [message];
    const hasty = lieBy(rig, 0, (command) => {
      if (hasty.lies === 1)
        for (const to of [1, 2, 3]) rig.transmit(0, to, rig.proposed(0, 1, [command]));
    });
    for (const home of [1, 2, 3]) rig.submit(home, `c${home}`, 1, 'one x');
    const { suspectAfterMs } = orderingDefaults;
    rig.runFor(suspectAfterMs - 100);
    expect(rig.engine(1).settled).toBe(0);
    rig.runUntil(() => rig.engine(1).settled > 0, 500);
    isLosing = false;
    rig.runUntil(() => rig.haveApplied(3), 10_000);
    rig.checkKeys();
  });
});
