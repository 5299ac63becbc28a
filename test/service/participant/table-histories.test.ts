import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StoredRecord } from '../../../src/kernel/core.js';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import type { PreparedWork } from '../../../src/service/participant/resource.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { type EnlistmentRef, refKey } from '../../../src/transaction/participant/messages.js';

/** Settles what can be settled now. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const keys = ['a', 'b', 'c'] as const;
type Key = (typeof keys)[number];
const initial = { a: 10, b: 20 };

/** What a call does with a key. */
interface Deed {
  readonly kind: 'read' | 'add' | 'delete';
  readonly key: Key;
}

type Phase = 'working' | 'done' | 'prepared' | 'over';

/** A call whose handler goes on only when it is let to: also when the call is over. */
class Call {
  readonly ref: EnlistmentRef;
  readonly deeds: readonly Deed[];
  readonly reads: (number | undefined)[] = [];
  phase: Phase = 'working';
  isAtGate = true;
  #open = () => {};

  constructor(number: number, deeds: readonly Deed[]) {
    const last = String(number).padStart(12, '0');
    this.ref = {
      tid: transactionId(`00000000-0000-8000-8000-${last}`),
      enlistment: enlistmentId(`hotel.${number}`),
    };
    this.deeds = deeds;
  }

  async run(work: TableWork): Promise<void> {
    for (const { kind, key } of this.deeds) {
      await this.#gate();
      const value = await work.get(key);
      this.reads.push(value === undefined ? undefined : Number(value));
      if (kind === 'add') await work.set(key, Number(value ?? 0) + 1);
      if (kind === 'delete') await work.delete(key);
    }
    if (this.phase === 'working') this.phase = 'done';
  }

  /** Lets the handler go on. */
  pass(): void {
    this.isAtGate = false;
    this.#open();
  }

  #gate(): Promise<void> {
    this.isAtGate = true;
    return new Promise((resolve) => {
      this.#open = resolve;
    });
  }
}

/** One participant's table, its disk, and the calls that were committed, in the order in which they were. */
class Story {
  readonly calls: readonly Call[];
  readonly committed: Call[] = [];
  #table = new Table(initial);
  readonly #records = new Map<string, Uint8Array>();
  readonly #prepared = new Map<string, PreparedWork>();

  constructor(programs: readonly (readonly Deed[])[]) {
    this.calls = programs.map((deeds, number) => new Call(number, deeds));
  }

  async begin(): Promise<void> {
    await this.#table.start({ prepared: [], records: [] });
    for (const call of this.calls)
      call.run(await this.#table.begin(call.ref)).catch(() => undefined);
  }

  /** One thing that may happen now, picked by the number. */
  async act(pick: number): Promise<void> {
    const call = this.calls[pick % this.calls.length];
    if (call === undefined) return;
    const way = Math.floor(pick / this.calls.length) % 16;
    if (way === 0) await this.crash();
    else if (way === 1) await this.#rollBack(call);
    else if (call.isAtGate) call.pass();
    else if (call.phase === 'done') await this.#prepare(call);
    else if (call.phase === 'prepared') await this.#commit(call);
    await turn();
  }

  /** All of them end: those that wait for each other are rolled back one by one, as their time runs out. */
  async end(): Promise<void> {
    for (const call of this.calls) {
      for (let deed = 0; deed <= call.deeds.length; deed += 1) {
        if (call.isAtGate) call.pass();
        await turn();
      }
      if (call.phase === 'done') await this.#prepare(call);
      if (call.phase === 'prepared') await this.#commit(call);
      else await this.#rollBack(call);
      await turn();
    }
  }

  /** What is prepared and committed is on disk; all else is gone. */
  async crash(): Promise<void> {
    for (const call of this.calls) if (call.phase !== 'prepared') call.phase = 'over';
    // The same object again: a participant may be started twice in one process.
    await this.#table.start(this.#left());
  }

  /** The rows as they are in memory, and as another run finds them. */
  async rows(): Promise<{ memory: Row[]; disk: Row[] }> {
    const again = new Table(initial);
    await again.start(this.#left());
    return {
      memory: keys.map((key) => [key, this.#table.peek(key)]),
      disk: keys.map((key) => [key, again.peek(key)]),
    };
  }

  /** No key is held by a call that is over. */
  async requireFree(): Promise<void> {
    const probe = new Call(999, []);
    const work = await this.#table.begin(probe.ref);
    let got = 0;
    for (const key of keys) {
      work.get(key).then(
        () => {
          got += 1;
        },
        () => undefined,
      );
    }
    await turn();
    expect(got).toBe(keys.length);
    await this.#table.rollBack(probe.ref);
  }

  async #prepare(call: Call): Promise<void> {
    const vote = await this.#table.prepare(call.ref);
    if (vote.vote === 'prepared') {
      call.phase = 'prepared';
      this.#prepared.set(refKey(call.ref), { ref: call.ref, record: vote.record });
      return;
    }
    if (vote.vote === 'readOnly') this.committed.push(call);
    await this.#rollBack(call);
  }

  async #commit(call: Call): Promise<void> {
    const writes = await this.#table.commit(call.ref);
    for (const { key, value } of writes) {
      if (value === null) this.#records.delete(key);
      else this.#records.set(key, value);
    }
    this.#prepared.delete(refKey(call.ref));
    this.committed.push(call);
    call.phase = 'over';
  }

  async #rollBack(call: Call): Promise<void> {
    if (call.phase === 'over') return;
    await this.#table.rollBack(call.ref);
    this.#prepared.delete(refKey(call.ref));
    call.phase = 'over';
  }

  #left() {
    const records: StoredRecord[] = [...this.#records].map(([key, value]) => ({ key, value }));
    return { prepared: [...this.#prepared.values()], records };
  }
}

type Row = [Key, unknown];

/** The committed calls one after the other, as the only ones: what they read, and the rows at the end. */
function serially(calls: readonly Call[]): { reads: unknown[]; rows: Row[] } {
  const rows = new Map<Key, number>(Object.entries(initial) as [Key, number][]);
  const reads = calls.map(({ deeds }) =>
    deeds.map(({ kind, key }) => {
      const value = rows.get(key);
      if (kind === 'add') rows.set(key, (value ?? 0) + 1);
      if (kind === 'delete') rows.delete(key);
      return value;
    }),
  );
  return { reads, rows: keys.map((key) => [key, rows.get(key)]) };
}

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom('read', 'add', 'add', 'delete'),
  key: fc.constantFrom(...keys),
});

it('calls read and write as if one came after the other, through crashes, rollbacks and late handlers', async () => {
  let [committed, crossed] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(deed, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 60 }),
      async (programs, picks) => {
        const story = new Story(programs);
        await story.begin();
        await turn();
        for (const pick of picks) await story.act(pick);
        await story.end();
        const serial = serially(story.committed);
        expect(story.committed.map(({ reads }) => reads)).toEqual(serial.reads);
        expect(await story.rows()).toEqual({ memory: serial.rows, disk: serial.rows });
        await story.requireFree();
        committed += story.committed.length;
        crossed += story.calls.length - story.committed.length;
      },
    ),
    { numRuns: 150 },
  );
  expect(Math.min(committed, crossed), 'it tries something').toBeGreaterThan(50);
}, 60_000);
