import { expect, it } from 'vitest';
import type { StoredRecord, TimerInput } from '../../src/kernel/core.js';
import type {
  OrderingEngine,
  OrderingInput,
  OrderingOptions,
  OrderingOutput,
  StateMachine,
} from '../../src/ordering/core/engine.js';
import { fabRule } from '../../src/ordering/core/fab/rule.js';
import { Outbox } from '../../src/ordering/core/outbox.js';
import { SequenceReplica } from '../../src/ordering/core/sequence/replica.js';
import type { SequenceHost } from '../../src/ordering/core/sequence/state.js';
import { OrderingRig, type OrderingTamper } from '../support/ordering-rig.js';

/** A replica whose host judges what is ordered, as the Decision Module does: nothing of `evil`, unless it lies. */
class JudgingEngine implements OrderingEngine {
  readonly kind = 'fab';
  readonly #outbox: Outbox;
  readonly #replica: SequenceReplica;

  constructor(options: OrderingOptions, machine: StateMachine, liars: readonly number[]) {
    this.#outbox = new Outbox(options, 'fab');
    const isLiar = liars.includes(options.self);
    const host: SequenceHost = {
      ...{ snapshot: () => machine.snapshot(), differences: () => [] },
      judge: (batch) =>
        !isLiar && batch.some(({ client }) => client === 'evil') ? 'refuse' : 'accept',
      apply: (position, batch) => machine.apply(position, batch),
      install: (snapshot) => machine.install(snapshot),
    };
    this.#replica = new SequenceReplica<never, never>(
      this.#outbox,
      host,
      fabRule(options.resilience) as never,
    );
  }

  get position(): number {
    return this.#replica.position;
  }

  get view(): number {
    return this.#replica.view;
  }

  get isLost(): boolean {
    return this.#replica.isLost;
  }

  get forgottenThrough(): number | undefined {
    return this.#replica.forgottenThrough;
  }

  restore(records: readonly StoredRecord[]): readonly OrderingOutput[] {
    this.#replica.restore(records);
    return this.#outbox.take();
  }

  handle(input: OrderingInput | TimerInput): readonly OrderingOutput[] {
    if ('nowMs' in input) this.#outbox.advance(input.nowMs);
    if (input.kind === 'submit') this.#replica.submit(input.request);
    else if (input.kind === 'peer') this.#replica.onMessage(input.message);
    else if (input.kind === 'timer') this.#replica.onTimer(input.name);
    else this.#replica.greet(input.replica);
    return this.#outbox.take();
  }
}

/** Liars acknowledge what nobody else would; then correct replicas go on. */
function refuses(
  n: number,
  f: number,
  liars: readonly number[],
  tamper: OrderingTamper = (_from, _to, message) => [message],
): OrderingRig<JudgingEngine> {
  const rig = new OrderingRig((own, machine) => new JudgingEngine(own, machine, liars), {
    n,
    f,
    options: { batchDelayMs: 0 },
  });
  rig.tamper = tamper;
  rig.submit(0, 'evil', 1);
  rig.runFor(50);
  const correct = Array.from({ length: n }, (_, index) => index).filter(
    (one) => !liars.includes(one),
  );
  for (const replica of correct) rig.submit(replica, 'a', 1);
  rig.runUntil(() => correct.every((one) => rig.history(one).some((e) => e.includes(':a:'))));
  rig.checkOrder(correct);
  for (const one of correct) expect(rig.history(one).join()).not.toContain('evil');
  return rig;
}

it('a primary leaves out a view change that acknowledges what it would not', () => {
  // That of replica 3 is late, so the primary has the liar's and two more before.
  let lost = 0;
  const rig = refuses(4, 1, [0], (from, _to, message) => {
    if (from !== 3 || message.kind !== 'two-step-view-change' || lost >= 6) return [message];
    lost += 1;
    return [];
  });
  expect(lost).toBe(6);
  expect(rig.engine(1).view).toBe(1);
});

it('backups judge what a view requires where no correct replica is known to have', () => {
  refuses(7, 2, [0, 1]);
});
