import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommonOutput, Core } from '../../src/kernel/core.js';
import { Disk } from './engine/disk.js';
import { Engine } from './engine/engine.js';
import { EventQueue } from './engine/event-queue.js';
import { Network } from './engine/network.js';
import { type Host, type Life, Process } from './engine/process.js';
import { Random } from './engine/random.js';
import { SimDriver } from './engine/sim-driver.js';
import { damageKinds } from './engine/stored-records.js';

const forever = { untilMs: Number.MAX_VALUE, stepsMax: 10_000 };

function diskOn(engine: Engine, fates: string[] = [], seed = 'disk'): Disk {
  return new Disk({
    engine,
    random: new Random(seed),
    onCrashedWrite: (fate) => fates.push(fate),
    records: [],
    onWritten: () => {},
  });
}

function processOn(
  engine: Engine,
  boot: (host: Host) => Life<string>,
  disk = diskOn(engine),
): Process<string> {
  return new Process({
    engine,
    address: 'node',
    disk,
    clockRate: 1,
    clockOffsetMs: 0,
    boot,
    onFailure: () => {},
  });
}

const idle: Life<string> = { receive: () => {}, linked: () => {}, load: { timers: 0, outputs: 0 } };

describe('random numbers', () => {
  it('of a fork do not depend on what was drawn elsewhere', () => {
    const one = new Random('x');
    const other = new Random('x');
    other.next();
    expect(one.fork('a').next()).toBe(other.fork('a').next());
    expect(one.fork('a').next()).not.toBe(one.fork('b').next());
  });
});

describe('the event queue', () => {
  it('gives back in the order of time, and of two at one time the first made', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const queue = new EventQueue();
        for (const [order, atMs] of times.entries()) queue.push({ atMs, order, run: () => {} });
        const taken = times.map(() => queue.pop());
        const sorted = times.map((atMs, order) => ({ atMs, order })).sort(byTime);
        expect(taken.map((event) => event?.order)).toEqual(sorted.map(({ order }) => order));
        expect(queue.pop()).toBeUndefined();
      }),
    );
  });
});

describe('the disk', () => {
  it.each(damageKinds)('does not open with a %s, and does again when it is replaced', (kind) => {
    for (let seed = 0; seed < 30; seed += 1) {
      const engine = new Engine();
      const disk = diskOn(engine, [], `${kind} ${seed}`);
      const write = (text: string) => {
        const value = new TextEncoder().encode(text);
        disk.write(
          ['a', 'b'].map((key) => ({ key, value })),
          () => {},
        );
        engine.run(forever);
      };
      write('first');
      write('second');
      expect(disk.open()).toBe(true);
      expect(disk.damage(kind)).toBe(true);
      expect(disk.open()).toBe(false);
      disk.wipe();
      expect(disk.open()).toBe(true);
      expect(disk.recordCount).toBe(0);
      write('third');
      expect(disk.open()).toBe(true);
      expect(disk.load().map(({ key }) => key)).toEqual(['a', 'b']);
    }
  });

  it('keeps all of a write or nothing when power is lost within it', () => {
    const fates: string[] = [];
    const engine = new Engine();
    for (let i = 0; i < 40; i += 1) {
      const disk = diskOn(engine, fates, String(i));
      const writes = ['a', 'b'].map((key) => ({ key, value: new Uint8Array(1) }));
      disk.write(writes, () => expect.unreachable('the write was not done'));
      disk.crash();
      engine.run(forever);
      expect([0, 2]).toContain(disk.recordCount);
      expect(disk.recordCount === 2).toBe(fates.at(-1) === 'unacknowledged');
    }
    expect(new Set(fates)).toEqual(new Set(['lost', 'torn', 'unacknowledged']));
  });
});

type Said = { readonly kind: 'say'; readonly text: string };

/** Says what it is given before and after it has written it down. */
const scribe: Core<string, Said> = {
  restore: () => [],
  handle: (input): readonly (Said | CommonOutput)[] => [
    { kind: 'say', text: `before ${String(input)}` },
    { kind: 'persist', key: String(input), value: new Uint8Array(1) },
    { kind: 'say', text: `after ${String(input)}` },
  ],
};

describe('the driver', () => {
  function driverOn(engine: Engine, disk: Disk) {
    const said: string[] = [];
    let driver: SimDriver<string, Said> | undefined;
    const process = processOn(
      engine,
      (host) => {
        const perform = ({ text }: Said): void => {
          said.push(text);
          if (text.startsWith('after'))
            expect(disk.read(text.slice('after '.length))).toBeDefined();
        };
        driver = new SimDriver({ core: scribe, host, perform, log: () => {} });
        driver.start();
        return idle;
      },
      disk,
    );
    process.start();
    return { said, process, submit: (input: string) => driver?.submit(input) };
  }

  it('lets nothing that follows a write leave before the write is on disk', () => {
    const engine = new Engine();
    const { said, submit } = driverOn(engine, diskOn(engine));
    for (const input of ['1', '2', '3']) submit(input);
    expect(said).toEqual(['before 1']);
    engine.run(forever);
    expect(said).toEqual(['1', '2', '3'].flatMap((input) => [`before ${input}`, `after ${input}`]));
  });

  it('loses what is left of a step when its process crashes in the midst of it', () => {
    const engine = new Engine();
    const { said, process, submit } = driverOn(engine, diskOn(engine));
    process.crashAfterOutputs(1);
    submit('1');
    engine.run(forever);
    expect(said).toEqual(['before 1']);
    expect(process.isUp).toBe(false);
  });
});

describe('a process', () => {
  it('gets after a pause what came in meanwhile, in its order', () => {
    const engine = new Engine();
    const got: string[] = [];
    const process = processOn(engine, () => ({ ...idle, receive: (_, text) => got.push(text) }));
    process.start();
    process.pause(100);
    for (const text of ['a', 'b']) process.receive('x', text, 1);
    expect(got).toEqual([]);
    engine.run(forever);
    expect(got).toEqual(['a', 'b']);
  });

  it('hears nothing of the timers of its former life', () => {
    const engine = new Engine();
    const fired: string[] = [];
    const process = processOn(engine, (host) => {
      host.after(10, () => fired.push('timer'));
      return idle;
    });
    process.start();
    process.crash();
    engine.run(forever);
    expect(fired).toEqual([]);
  });
});

describe('the network', () => {
  it('loses what crosses a partition, and tells of the link when it heals', () => {
    const engine = new Engine();
    const got: string[] = [];
    const links: string[] = [];
    const lost: string[] = [];
    const network = new Network<string>({
      engine,
      random: new Random('net'),
      kindOf: (text) => text,
      onSent: () => {},
      onDelivered: () => {},
      onFault: (fault) => lost.push(fault),
    });
    for (const address of ['a', 'b']) {
      const process = new Process<string>({
        engine,
        address,
        disk: diskOn(engine),
        clockRate: 1,
        clockOffsetMs: 0,
        boot: () => ({
          ...idle,
          receive: (from, text) => got.push(`${from} ${text}`),
          linked: (other) => links.push(`${address} ${other}`),
        }),
        onFailure: () => {},
      });
      process.start();
      network.attach(process);
    }
    network.block('a', 'b');
    network.send('a', 'b', 'one');
    network.send('b', 'a', 'back');
    engine.run(forever);
    expect(got).toEqual(['b back']);
    expect(lost).toEqual(['partitioned']);
    network.unblock('a', 'b');
    expect(links).toEqual(['a b']);
    network.send('a', 'b', 'two');
    engine.run(forever);
    expect(got).toEqual(['b back', 'a two']);
  });
});

function byTime(a: { atMs: number; order: number }, b: { atMs: number; order: number }): number {
  return a.atMs - b.atMs || a.order - b.order;
}
