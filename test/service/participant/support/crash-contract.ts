import { expect, it } from 'vitest';
import type { PreparedWork, Resource } from '../../../../src/service/participant/resource.js';
import type { EnlistmentRef } from '../../../../src/transaction/participant/messages.js';
import type { Cut, CuttingProxy } from '../../../support/cutting-proxy.js';
import { type ResourceRig, takenOne } from './resource-contract.js';

/** A resource in a database with a server of its own. */
export interface DatabaseRig<Work> extends ResourceRig<Work> {
  readonly server: { kill(): Promise<void>; start(): Promise<void> };
  /** Identifiers of all that is prepared. */
  prepared(): Promise<readonly string[]>;
  markers(): Promise<readonly string[]>;
}

interface Scene<Work> {
  readonly rig: () => DatabaseRig<Work>;
  readonly proxy: () => CuttingProxy;
  /** A participant behind the proxy. */
  readonly behindProxy: () => Promise<Resource<Work>>;
  /** What the messages have by which a transaction is prepared and ended. */
  readonly texts: { readonly prepare: string; readonly commit: string; readonly rollBack: string };
}

const moments = ['before', 'within', 'after'] as const;

/** What every resource in a database does when the server, a connection or the participant dies between any two steps. */
export function itSurvives<Work>(scene: Scene<Work>): void {
  const { behindProxy, texts } = scene;
  const serverKilled = { act: () => scene.rig().server.kill() };
  const deaths = [
    { what: 'the server is killed', cut: serverKilled },
    { what: 'the connection is cut', cut: {} },
  ].flatMap(({ what, cut }) => moments.map((when) => ({ what, when, cut: { ...cut, when } })));

  /** Until the vote is cut off as it is prepared; then the server is up again. */
  async function cutVote(resource: Resource<Work>, cut: Omit<Cut, 'text'>): Promise<EnlistmentRef> {
    const rig = scene.rig();
    const ref = rig.ref();
    await rig.take(await resource.begin(ref));
    const isCut = scene.proxy().cut({ text: texts.prepare, ...cut });
    await expect(resource.prepare(ref)).rejects.toMatchObject({ code: 'unknown-outcome' });
    await isCut;
    await up(cut);
    return ref;
  }

  async function up({ act }: Omit<Cut, 'text'>): Promise<void> {
    if (act !== undefined) await scene.rig().server.start();
  }

  /** A call that is prepared, and whose end is cut off; then the server is up again. */
  async function cutEnd(
    resource: Resource<Work>,
    { how, cut }: { readonly how: 'commit' | 'rollBack'; readonly cut: Omit<Cut, 'text'> },
  ): Promise<PreparedWork> {
    const rig = scene.rig();
    const ref = rig.ref();
    const left = await takenOne(rig, resource, ref);
    const isCut = scene.proxy().cut({ text: texts[how], ...cut });
    await expect(resource[how](ref)).rejects.toThrow();
    await isCut;
    await up(cut);
    return left;
  }

  it.each(deaths)(`rolls back where $what $when ${texts.prepare}`, async ({ cut }) => {
    const rig = scene.rig();
    const resource = await behindProxy();
    const ref = await cutVote(resource, cut);
    await resource.rollBack(ref);
    expect(await rig.prepared()).toEqual([]);
    expect(await rig.pieces()).toBe(10);
    // And goes on.
    const next = rig.ref();
    await takenOne(rig, resource, next);
    await resource.commit(next);
    expect(await rig.pieces()).toBe(9);
  });

  it.each(deaths)(
    `gives up at the next start where $what $when ${texts.prepare}`,
    async ({ cut }) => {
      const rig = scene.rig();
      const first = await behindProxy();
      await cutVote(first, cut);
      scene.proxy().cutAll();
      await rig.started();
      expect(await rig.prepared()).toEqual([]);
      expect(await rig.pieces()).toBe(10);
    },
  );

  it.each(deaths)(`commits once where $what $when ${texts.commit}`, async ({ cut }) => {
    const rig = scene.rig();
    const resource = await behindProxy();
    const left = await cutEnd(resource, { how: 'commit', cut });
    await resource.commit(left.ref);
    expect(await rig.pieces()).toBe(9);
    // The participant dies before its own record of the end, and asks again.
    await resource.close();
    const next = await rig.started({}, [left]);
    await next.commit(left.ref);
    expect(await rig.pieces()).toBe(9);
    // Its end is on record: the marker goes.
    await next.close();
    await rig.started();
    expect(await rig.markers()).toEqual([]);
  });

  it.each(deaths)(`rolls back once where $what $when ${texts.rollBack}`, async ({ cut }) => {
    const rig = scene.rig();
    const resource = await behindProxy();
    const left = await cutEnd(resource, { how: 'rollBack', cut });
    await resource.rollBack(left.ref);
    await resource.close();
    const next = await rig.started({}, [left]);
    await next.rollBack(left.ref);
    expect(await rig.prepared()).toEqual([]);
    expect(await rig.pieces()).toBe(10);
  });

  it('keeps what is in doubt when the server and the participant are killed', async () => {
    const rig = scene.rig();
    const first = await behindProxy();
    const [one, other] = [rig.ref(), rig.ref()];
    const left = [
      await takenOne(rig, first, one, 'bolt'),
      await takenOne(rig, first, other, 'nut'),
    ];
    await rig.server.kill();
    scene.proxy().cutAll();
    await rig.server.start();
    const next = await rig.started({}, left);
    expect(await rig.prepared()).toHaveLength(2);
    await next.commit(one);
    await next.rollBack(other);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 10]);
    expect(await rig.prepared()).toEqual([]);
  });

  it('votes to abort, and not unknown, where the connection broke before the vote', async () => {
    const rig = scene.rig();
    const resource = await behindProxy();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await rig.take(work);
    scene.proxy().cutAll();
    await expect(rig.take(work)).rejects.toThrow();
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    await resource.rollBack(ref);
    await resource.begin(rig.ref());
  });
}
