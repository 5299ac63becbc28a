import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { PreparedWork, Resource } from '../../../../src/service/participant/resource.js';
import type { EnlistmentRef } from '../../../../src/transaction/participant/messages.js';

/** What the tests set; a resource that has no such setting passes over it. */
export interface RigOptions {
  readonly name?: string;
  readonly connectionsMax?: number;
  readonly connectionWaitMs?: number;
  readonly lockWaitMs?: number;
  readonly idleMs?: number;
  readonly statementMs?: number;
}

/** A resource with some stock, ten bolts and ten nuts, and the participants that a test starts on it. */
export interface ResourceRig<Work> {
  start(): Promise<void>;
  /** Between tests: nothing is open, nothing prepared, and there are ten bolts. */
  reset(): Promise<void>;
  remove(): Promise<void>;
  started(options?: RigOptions, prepared?: readonly PreparedWork[]): Promise<Resource<Work>>;
  ref(): EnlistmentRef;
  take(work: Work, sku?: string): Promise<void>;
  look(work: Work): Promise<void>;
  /** As it was committed last. */
  pieces(sku?: string): Promise<number>;
}

/** One call that takes a piece, up to its vote; what is on record then. */
export async function takenOne<Work>(
  rig: Pick<ResourceRig<Work>, 'take'>,
  resource: Resource<Work>,
  ref: EnlistmentRef,
  sku = 'bolt',
): Promise<PreparedWork> {
  await rig.take(await resource.begin(ref), sku);
  const vote = await resource.prepare(ref);
  if (vote.vote !== 'prepared') throw new Error(`the vote is ${vote.vote}`);
  return { ref, record: vote.record };
}

/** A rig for the tests of one `describe`. */
export function usedRig<Rig extends Pick<ResourceRig<never>, 'start' | 'reset' | 'remove'>>(
  make: () => Rig,
): () => Rig {
  let rig: Rig | undefined;
  const used = () => {
    if (rig === undefined) throw new Error('there is no rig outside of a test');
    return rig;
  };
  beforeAll(async () => {
    rig = make();
    await rig.start();
  });
  beforeEach(() => used().reset());
  afterAll(() => rig?.remove());
  return used;
}

/** What every resource of the kit does: the contract at `Resource`. */
export function itKeepsTheContract<Work>(used: () => ResourceRig<Work>): void {
  it('shows what was prepared once it is committed, and commits once', async () => {
    const rig = used();
    const resource = await rig.started();
    const ref = rig.ref();
    await takenOne(rig, resource, ref);
    expect(await rig.pieces()).toBe(10);
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(9);
    // Asked again, as after a restart.
    expect(await resource.commit(ref)).toEqual([]);
    expect(await rig.pieces()).toBe(9);
  });

  it('gives up what was prepared, what was not, and what never was', async () => {
    const rig = used();
    const resource = await rig.started();
    const [first, second] = [rig.ref(), rig.ref()];
    await takenOne(rig, resource, first, 'bolt');
    const work = await resource.begin(second);
    await rig.take(work, 'nut');
    for (const ref of [first, first, second, second, rig.ref()]) await resource.rollBack(ref);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([10, 10]);
    await expect(rig.take(work)).rejects.toThrow();
    // What was given up holds nothing.
    for (const sku of ['bolt', 'nut']) await takenOne(rig, resource, rig.ref(), sku);
  });

  it('votes read-only for reads, and takes no more of that call', async () => {
    const rig = used();
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await rig.look(work);
    expect(await resource.prepare(ref)).toEqual({ vote: 'readOnly' });
    // As the participant does with a call that ended by its vote.
    await resource.rollBack(ref);
    await expect(rig.look(work)).rejects.toThrow();
  });

  it('has a call wait for what is prepared, and then see it', async () => {
    const rig = used();
    const resource = await rig.started({ lockWaitMs: 20_000 });
    const [first, second] = [rig.ref(), rig.ref()];
    await takenOne(rig, resource, first);
    const taking = rig.take(await resource.begin(second));
    await resource.commit(first);
    await taking;
    expect(await resource.prepare(second)).toMatchObject({ vote: 'prepared' });
    await resource.commit(second);
    expect(await rig.pieces()).toBe(8);
  });

  it('runs calls beside each other', async () => {
    const rig = used();
    const resource = await rig.started();
    const refs = [rig.ref(), rig.ref()] as const;
    await Promise.all([
      takenOne(rig, resource, refs[0], 'bolt'),
      takenOne(rig, resource, refs[1], 'nut'),
    ]);
    await Promise.all(refs.map((ref) => resource.commit(ref)));
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 9]);
  });

  it('holds what is on record after a restart, commits or rolls back, and gives up the rest', async () => {
    const rig = used();
    const first = await rig.started();
    const [one, other] = [rig.ref(), rig.ref()];
    const left = [
      await takenOne(rig, first, one, 'bolt'),
      await takenOne(rig, first, other, 'nut'),
    ];
    await first.close();
    const second = await rig.started({}, left);
    await second.commit(one);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 10]);
    await second.rollBack(other);
    const unrecorded = rig.ref();
    await takenOne(rig, second, unrecorded, 'nut');
    await second.close();
    const third = await rig.started();
    await takenOne(rig, third, rig.ref(), 'nut');
    expect(await rig.pieces('nut')).toBe(10);
  });

  it('starts again after it was closed', async () => {
    const rig = used();
    const resource = await rig.started();
    const ref = rig.ref();
    const left = await takenOne(rig, resource, ref);
    await resource.close();
    await resource.start({ prepared: [left], records: [] });
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(9);
  });
}
