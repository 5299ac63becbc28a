import { afterAll, beforeAll, expect, it } from 'vitest';
import { HotelCluster, type Victim } from './hotel-cluster.js';
import type { When } from './tripwire.js';

/** What has to hold of the hotel in any language. */
export function hotelStories(commandOf: (port: number, data: string) => readonly string[]): void {
  const hotel = new HotelCluster();
  beforeAll(() => hotel.start(commandOf));
  afterAll(() => hotel.stop());

  it('commits and aborts with the rest', async () => {
    expect(await hotel.order('alice')).toMatchObject({ outcome: 'committed', result: { room: 1 } });
    expect(await hotel.order('bob', true)).toMatchObject({ outcome: 'aborted' });
    await hotel.settle();
    expect(await hotel.order('Zoë "ß" 😀')).toMatchObject({ result: { room: 2 } });
    await hotel.settle();
  });

  it('says no with a reason', async () => {
    expect(await hotel.order('')).toMatchObject({ outcome: 'aborted', reason: 'NoGuest' });
    await hotel.settle();
  });

  const victims: readonly Victim[] = ['service', 'sidecar'];
  const whens: readonly When[] = ['before', 'after'];
  it.each(
    ['/try', '/confirm', '/cancel'].flatMap((path) =>
      whens.flatMap((when) => victims.map((victim) => [victim, when, path] as const)),
    ),
  )('comes back with the right sums where the %s is killed %s %s', async (victim, when, path) => {
    const killed = hotel.killAt(path, when, victim);
    const ended = await hotel.order(`${victim}-${when}${path}`, path === '/cancel');
    await killed.isBack();
    if (path === '/confirm') expect(ended.outcome).toBe('committed');
    else expect(ended.outcome).toBe('aborted');
    await hotel.settle();
    expect(await hotel.order(`after ${victim}-${when}${path}`)).toMatchObject({
      outcome: 'committed',
    });
    await hotel.settle();
  });
}
