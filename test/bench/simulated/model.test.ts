import { describe, expect, it } from 'vitest';
import { type ClusterSettings, SimulatedCluster } from '../../../bench/simulated/cluster.js';
import { measuredCosts, noCosts } from '../../../bench/simulated/costs.js';
import { messageDelays } from '../../../bench/simulated/delays.js';
import { Disk } from '../../../bench/simulated/disk.js';
import { Network } from '../../../bench/simulated/network.js';
import { NumberSet } from '../../../bench/simulated/number-set.js';
import { findPeak } from '../../../bench/simulated/peak.js';
import { regions, roundTripMs, wideArea } from '../../../bench/simulated/regions.js';
import { VirtualTime } from '../../simulation/engine/virtual-time.js';

const settings: ClusterSettings = {
  engine: 'antipaxos',
  n: 4,
  depth: 10,
  requestBytes: 500,
  clientsSign: false,
  latency: () => 0.25,
  costs: measuredCosts,
  bundle: 64,
  resendAfterMs: 60_000,
  suspectAfterMs: 60_000,
};

describe('the queue of events', () => {
  it('goes by time, and within an instant by the order of putting in', () => {
    const queue = new VirtualTime();
    const seen: string[] = [];
    const times = [5, 3, 9, 3, 1, 7, 3, 5];
    times.forEach((atMs, index) => {
      queue.at(atMs, () => seen.push(`${atMs}.${index}`));
    });
    queue.runTo(7);
    expect(seen).toEqual(['1.4', '3.1', '3.3', '3.6', '5.0', '5.7', '7.5']);
    expect(queue.nowMs).toBe(7);
    queue.at(2, () => seen.push('late'));
    expect(queue.step()).toBe(true);
    expect(queue.nowMs).toBe(7);
    expect(seen.at(-1)).toBe('late');
  });
});

describe('the network', () => {
  it('carries one message after the other, out and in', () => {
    const queue = new VirtualTime();
    const arrivals: [string, number][] = [];
    // 8 Mbit/s: a thousand bytes take a millisecond.
    const network = new Network(queue, 3, () => 10, 8e6);
    const arrived = (name: string) => () => arrivals.push([name, queue.nowMs]);
    network.send(0, 2, 1000, arrived('a'));
    network.send(0, 1, 1000, arrived('b'));
    network.send(1, 2, 1000, arrived('c'));
    queue.runTo(100);
    expect(arrivals).toEqual([
      ['a', 12],
      ['c', 13],
      ['b', 13],
    ]);
  });
});

describe('the disk', () => {
  it('gathers what comes during a write for the next', () => {
    const disk = new Disk(10);
    expect(disk.write(0)).toBe(10);
    expect(disk.write(1)).toBe(20);
    expect(disk.write(9)).toBe(20);
    expect(disk.write(15)).toBe(30);
    expect(disk.write(100)).toBe(110);
  });
});

describe('a set of numbers', () => {
  it('tells the first time from later ones', () => {
    const set = new NumberSet();
    const numbers = [1, 7, 8, 9000, 70_000];
    expect(numbers.map((number) => set.add(number))).toEqual(numbers.map(() => true));
    expect(numbers.map((number) => set.add(number))).toEqual(numbers.map(() => false));
    expect(set.add(9001)).toBe(true);
  });
});

describe('the regions', () => {
  it('are as far apart as in table 2', () => {
    expect(roundTripMs(1, 5)).toBe(302);
    expect(roundTripMs(5, 1)).toBe(302);
    expect(roundTripMs(0, 6)).toBe(23);
    expect(wideArea(0, 2 + regions.length)).toBe(50);
    expect(wideArea(3, 3 + regions.length)).toBeLessThan(1);
  });
});

describe('a simulated cluster', () => {
  it('needs two message delays on the fast path, where PBFT needs three', () => {
    expect(messageDelays('antipaxos', 4)).toEqual({
      together: 2,
      aloneAtFirst: 3,
      aloneAtSecond: 3,
    });
    expect(messageDelays('pbft', 4)).toEqual({ together: 3, aloneAtFirst: 3, aloneAtSecond: 4 });
    expect(messageDelays('fab', 4)).toEqual({ together: 2, aloneAtFirst: 2, aloneAtSecond: 3 });
    expect(messageDelays('antipaxos', 7).together).toBe(2);
  });

  it('is limited by the processors, or by the links', () => {
    const usual = findPeak(settings);
    expect(usual.processorUse).toBeGreaterThan(0.95);
    const slowLink = findPeak({ ...settings, costs: { ...measuredCosts, bitsPerSecond: 1e8 } });
    expect(slowLink.requestsPerSecond).toBeLessThan(usual.requestsPerSecond);
    expect(slowLink.processorUse).toBeLessThan(0.5);
    // Each byte of a proposal leaves its proposer three times.
    const bytesPerSecond = slowLink.requestsPerSecond * slowLink.bytesPerRequest;
    expect(bytesPerSecond / (4 * (1e8 / 8))).toBeCloseTo(1, 1);
  });

  it('charges each replica once for what a client signed', () => {
    const { verificationsPerRequest } = findPeak({ ...settings, clientsSign: true });
    expect(verificationsPerRequest).toBeGreaterThan(3.9);
    // Four, and the protocol's own, which the requests of a batch share.
    expect(verificationsPerRequest).toBeLessThan(4.5);
  });

  it('sends the messages of a cycle and no more', () => {
    const cluster = new SimulatedCluster({ ...settings, costs: noCosts, batchDelayMs: 0 });
    for (const replica of cluster.proposers) cluster.submit(replica);
    cluster.queue.runTo(100);
    expect([...cluster.sent].filter(([kind]) => kind !== 'status')).toEqual([
      ['proposal', 12],
      ['report', 12],
    ]);
  });
});
