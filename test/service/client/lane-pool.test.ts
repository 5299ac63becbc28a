import { describe, expect, it } from 'vitest';
import { LanePool } from '../../../src/service/client/lane-pool.js';
import { RequestError, type Ticket } from '../../../src/service/client/request-error.js';

function pool(over: Partial<ConstructorParameters<typeof LanePool>[0]> = {}) {
  const clock = () => 5;
  return new LanePool({ name: 'alice', firstLane: 7, lanes: 2, waiting: 1, clock, ...over });
}

/** Takes a lane and keeps it until it is let go. */
function hold(lanes: LanePool, timeoutMs = 10_000) {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const tickets: Ticket[] = [];
  const done = lanes.run(timeoutMs, async (ticket) => {
    tickets.push(ticket);
    await held;
  });
  return { tickets, letGo, done };
}

describe('LanePool', () => {
  it('gives every request in flight a lane of its own', () => {
    const lanes = pool();
    const held = [hold(lanes), hold(lanes)];
    expect(held.map(({ tickets }) => tickets[0]?.client)).toEqual(['alice/7', 'alice/8']);
  });

  it('gives rising timestamps in microseconds even while the clock stands still', async () => {
    const lanes = pool();
    const timestamps = [];
    for (let i = 0; i < 3; i += 1) {
      timestamps.push(await lanes.run(1, async ({ timestamp }) => timestamp));
    }
    expect(timestamps).toEqual([5000, 5001, 5002]);
  });

  it('lets a request wait for a lane, in its turn', async () => {
    const lanes = pool({ lanes: 1, waiting: 2 });
    const [first, second, third] = [hold(lanes), hold(lanes), hold(lanes)];
    expect(second.tickets).toHaveLength(0);
    first.letGo();
    await first.done;
    second.letGo();
    await second.done;
    third.letGo();
    await third.done;
    expect(third.tickets[0]?.client).toBe('alice/7');
  });

  it('refuses what is more than may wait', async () => {
    const lanes = pool({ lanes: 1, waiting: 1 });
    hold(lanes);
    hold(lanes);
    await expect(hold(lanes).done).rejects.toThrow('all lanes are taken');
  });

  it('stops waiting in time, and hands no lane to who has gone', async () => {
    const lanes = pool({ lanes: 1 });
    const first = hold(lanes);
    await expect(hold(lanes, 1).done).rejects.toThrow('no lane came free within 1 ms');
    first.letGo();
    await first.done;
    expect(hold(lanes).tickets).toHaveLength(1);
  });

  it('frees a lane also when the work fails', async () => {
    const lanes = pool({ lanes: 1 });
    await expect(lanes.run(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(hold(lanes).tickets).toHaveLength(1);
  });

  it('uses a lane again only where its last request is over, for all that is known', async () => {
    const lanes = pool({ lanes: 1 });
    const failing = async (error: Error) => {
      await expect(lanes.run(1, () => Promise.reject(error))).rejects.toThrow('no');
      const next = hold(lanes);
      next.letGo();
      await next.done;
      return next.tickets[0]?.client;
    };
    expect(await failing(new RequestError('refused', 'no'))).toBe('alice/7');
    expect(await failing(new Error('no'))).toBe('alice/8');
    expect(await failing(new RequestError('timeout', 'no'))).toBe('alice/9');
  });

  it('has no more than 10000 lanes', () => {
    expect(() => pool({ firstLane: 9999, lanes: 2 })).toThrow(RangeError);
  });
});
