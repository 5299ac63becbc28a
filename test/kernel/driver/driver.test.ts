import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  CommonOutput,
  Core,
  StoredRecord,
  StoreWrite,
  TimerInput,
} from '../../../src/kernel/core.js';
import { Driver } from '../../../src/kernel/driver/driver.js';
import { openStore, type Store } from '../../../src/kernel/store/store.js';
import { temporaryDirectory } from '../support/directory.js';
import { until } from '../support/wait.js';

interface Send {
  readonly kind: 'send';
  readonly name: string;
}
type Output = Send | CommonOutput;
interface Input {
  readonly kind: 'do';
  readonly outputs: readonly Output[];
}

const send = (name: string): Send => ({ kind: 'send', name });
const persist = (key: string): Output => ({ kind: 'persist', key, value: Uint8Array.of(1) });
const perform = (...outputs: Output[]): Input => ({ kind: 'do', outputs });

/** Puts out what its inputs say, and `timer:<name>` for a timer. */
class ScriptedCore implements Core<Input, Send> {
  restored: readonly StoredRecord[] | undefined;
  onRestore: Output[] = [];

  restore(records: readonly StoredRecord[]): readonly Output[] {
    this.restored = records;
    return this.onRestore;
  }

  handle(input: Input | TimerInput): readonly Output[] {
    return input.kind === 'timer' ? [send(`timer:${input.name}`)] : input.outputs;
  }
}

/** A disk that syncs when the test says so. */
class ManualStore implements Store {
  readonly batches: (readonly StoreWrite[])[] = [];
  readonly onDisk = new Set<string>();
  closed = false;
  readonly #finish: ((error?: Error) => void)[] = [];

  async load(): Promise<StoredRecord[]> {
    return [];
  }

  write(writes: readonly StoreWrite[]): Promise<void> {
    this.batches.push(writes);
    return new Promise((resolve, reject) => {
      this.#finish.push((error) => {
        if (error !== undefined) return reject(error);
        for (const { key } of writes) this.onDisk.add(key);
        resolve();
      });
    });
  }

  get pending(): number {
    return this.#finish.length;
  }

  /** Ends the oldest write, and lets the driver go on. */
  async sync(error?: Error): Promise<void> {
    this.#finish.shift()?.(error);
    await new Promise(setImmediate);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

async function running(options: { highWaterMark?: number; core?: ScriptedCore } = {}) {
  const store = new ManualStore();
  const core = options.core ?? new ScriptedCore();
  const sent: string[] = [];
  const fatal: Error[] = [];
  const reactions = new Map<string, () => void>();
  const driver: Driver<Input, Send> = new Driver<Input, Send>({
    core,
    store,
    perform: ({ name }) => {
      sent.push(name);
      reactions.get(name)?.();
    },
    log: pino({ level: 'silent' }),
    onFatal: (error) => fatal.push(error),
    ...(options.highWaterMark === undefined ? {} : { highWaterMark: options.highWaterMark }),
  });
  await driver.start();
  return { driver, store, core, sent, fatal, reactions };
}

describe('Driver', () => {
  it('performs at once what no persist precedes', async () => {
    const { driver, sent } = await running();
    driver.submit(perform(send('a'), send('b')));
    expect(sent).toEqual(['a', 'b']);
  });

  it('lets nothing behind a persist leave before it is on disk', async () => {
    const { driver, store, sent } = await running();
    driver.submit(perform(send('a'), persist('k'), send('b')));
    driver.submit(perform(send('c')));
    await new Promise(setImmediate);
    expect(sent).toEqual(['a']);
    await store.sync();
    expect(sent).toEqual(['a', 'b', 'c']);
  });

  it('gathers what comes during a write into the next one', async () => {
    const { driver, store, sent } = await running();
    driver.submit(perform(persist('1'), send('a')));
    driver.submit(perform(persist('2'), send('b')));
    driver.submit(perform(persist('3'), persist('4'), send('c')));
    expect(store.pending).toBe(1);
    await store.sync();
    expect(sent).toEqual(['a']);
    expect(store.batches.map((batch) => batch.map(({ key }) => key))).toEqual([
      ['1'],
      ['2', '3', '4'],
    ]);
    await store.sync();
    expect(sent).toEqual(['a', 'b', 'c']);
  });

  it('performs what an output leads to behind the rest', async () => {
    const { driver, store, sent, reactions } = await running();
    reactions.set('a', () => driver.submit(perform(persist('k'), send('nested'))));
    driver.submit(perform(send('a'), send('b')));
    expect(sent).toEqual(['a', 'b']);
    await store.sync();
    expect(sent).toEqual(['a', 'b', 'nested']);
  });

  it('does not pile up on the stack when outputs lead to outputs without end', async () => {
    const { driver, sent, fatal, reactions } = await running();
    reactions.set('a', () => {
      if (sent.length < 50_000) driver.submit(perform(send('a')));
    });
    driver.submit(perform(send('a')));
    expect(fatal).toEqual([]);
    expect(sent).toHaveLength(50_000);
  });

  it('keeps the order and the promise to persist first, whatever the disk does', async () => {
    const output = fc.constantFrom('send' as const, 'persist' as const);
    const step = fc.oneof(
      fc.record({ submit: fc.array(output, { maxLength: 5 }) }),
      fc.constant('sync' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { driver, store, sent, reactions } = await running();
        const expected: string[] = [];
        const before: string[] = [];
        let next = 0;
        for (const action of steps) {
          if (action === 'sync') {
            await store.sync();
            continue;
          }
          const outputs = action.submit.map((kind): Output => {
            const name = `${next}`;
            next += 1;
            if (kind === 'persist') {
              before.push(name);
              return persist(name);
            }
            const mustBeOnDisk = [...before];
            expected.push(name);
            reactions.set(name, () => {
              if (!mustBeOnDisk.every((key) => store.onDisk.has(key))) sent.push('too early');
            });
            return send(name);
          });
          driver.submit(perform(...outputs));
          expect(store.pending).toBeLessThanOrEqual(1);
        }
        const stopped = driver.stop();
        while (store.pending > 0) await store.sync();
        await stopped;
        expect(sent).toEqual(expected);
        expect(store.batches.flat().map(({ key }) => key)).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses inputs while too many outputs wait', async () => {
    const { driver, store, sent } = await running({ highWaterMark: 2 });
    expect(driver.submit(perform(persist('k'), send('a')))).toBe(true);
    expect(driver.submit(perform(send('refused')))).toBe(false);
    await store.sync();
    expect(driver.submit(perform(send('b')))).toBe(true);
    expect(sent).toEqual(['a', 'b']);
  });

  it('stops for good when a write fails', async () => {
    const { driver, store, sent, fatal } = await running();
    driver.submit(perform({ kind: 'start-timer', name: 't', delayMs: 1 }, persist('k'), send('a')));
    driver.submit(perform(persist('l'), send('b')));
    await store.sync(new Error('disk full'));
    expect(fatal.map(({ message }) => message)).toEqual(['disk full']);
    expect(driver.submit(perform(send('c')))).toBe(false);
    await driver.stop();
    expect(sent).toEqual([]);
    expect(store.batches).toHaveLength(1);
    expect(store.closed).toBe(true);
  });

  it('stops for good when a store throws', async () => {
    const { driver, store, sent, fatal } = await running();
    store.write = () => {
      throw new Error('no disk');
    };
    expect(driver.submit(perform(persist('k'), send('a')))).toBe(true);
    await new Promise(setImmediate);
    expect(fatal.map(({ message }) => message)).toEqual(['no disk']);
    expect(driver.submit(perform(send('b')))).toBe(false);
    await driver.stop();
    expect(sent).toEqual([]);
    expect(store.closed).toBe(true);
  });

  it('stops for good when the core throws', async () => {
    const { driver, core, sent, fatal } = await running();
    core.handle = () => {
      throw new Error('bug');
    };
    driver.submit(perform(send('a')));
    expect(fatal.map(({ message }) => message)).toEqual(['bug']);
    expect(driver.submit(perform(send('b')))).toBe(false);
    expect(sent).toEqual([]);
  });

  it('performs nothing after an output has failed', async () => {
    const { driver, sent, fatal, reactions } = await running();
    reactions.set('a', () => {
      throw new Error('bug');
    });
    driver.submit(perform(send('a'), send('b')));
    expect(sent).toEqual(['a']);
    expect(fatal).toHaveLength(1);
  });

  it('restores the core from the store before anything else', async () => {
    const directory = await temporaryDirectory();
    const first = await openStore(directory);
    await first.write([{ key: 'k', value: Uint8Array.of(7) }]);
    await first.close();

    const core = new ScriptedCore();
    core.onRestore = [persist('again'), send('restored')];
    const sent: string[] = [];
    const driver = new Driver<Input, Send>({
      core,
      store: await openStore(directory),
      perform: ({ name }) => sent.push(name),
      log: pino({ level: 'silent' }),
      onFatal: (error) => expect.unreachable(error.message),
    });
    expect(driver.submit(perform(send('too soon')))).toBe(false);
    await driver.start();
    expect(core.restored?.map(({ key, value }) => [key, ...value])).toEqual([['k', 7]]);
    await until('the restored output', () => sent.includes('restored'));
    await driver.stop();
    expect(sent).toEqual(['restored']);
  });

  it('flushes and closes when it stops', async () => {
    const { driver, store, sent } = await running();
    driver.submit(perform(persist('k'), send('a')));
    const stopped = driver.stop();
    expect(driver.submit(perform(send('b')))).toBe(false);
    expect(store.closed).toBe(false);
    await store.sync();
    await stopped;
    expect(sent).toEqual(['a']);
    expect(store.closed).toBe(true);
  });
});

describe("the driver's timers", () => {
  const start = (name: string, delayMs: number): Output => ({ kind: 'start-timer', name, delayMs });
  const halt = (name: string): Output => ({ kind: 'stop-timer', name });

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('fire once, start anew, and stop', async () => {
    const { driver, sent } = await running();
    driver.submit(perform(start('x', 10), start('y', 10), start('z', 10), halt('y')));
    vi.advanceTimersByTime(9);
    driver.submit(perform(start('x', 10)));
    vi.advanceTimersByTime(9);
    expect(sent).toEqual(['timer:z']);
    vi.advanceTimersByTime(100);
    expect(sent).toEqual(['timer:z', 'timer:x']);
  });

  it('start only when what precedes them is on disk', async () => {
    const { driver, store, sent } = await running();
    driver.submit(perform(persist('k'), start('x', 10)));
    vi.advanceTimersByTime(1000);
    await store.sync();
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(sent).toEqual(['timer:x']);
  });

  it('do not run out once the core has stopped them, or started them anew, behind a write', async () => {
    const { driver, store, sent } = await running();
    driver.submit(perform(start('x', 10), start('y', 10), start('z', 10)));
    driver.submit(perform(persist('k'), halt('x'), start('x', 30), halt('y')));
    vi.advanceTimersByTime(10);
    await store.sync();
    expect(sent).toEqual(['timer:z']);
    vi.advanceTimersByTime(29);
    expect(sent).toEqual(['timer:z']);
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual(['timer:z', 'timer:x']);
  });

  it('reach the core even while inputs are refused, and never after a stop', async () => {
    const { driver, store, sent } = await running({ highWaterMark: 1 });
    driver.submit(perform(start('x', 10), start('late', 20), persist('k'), start('behind', 30)));
    expect(driver.submit(perform(send('refused')))).toBe(false);
    vi.advanceTimersByTime(10);
    const stopped = driver.stop();
    await store.sync();
    await stopped;
    vi.advanceTimersByTime(1000);
    expect(sent).toEqual(['timer:x']);
  });

  it('wait as long as they are told, beyond what setTimeout can', async () => {
    const { driver, sent } = await running();
    driver.submit(perform(start('x', 2 ** 32)));
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(['timer:x']);
  });
});
