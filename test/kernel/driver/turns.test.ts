import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { batchSigner } from '../../../src/kernel/batch-signer.js';
import {
  type CommonOutput,
  type Core,
  persistSigned,
  type StoreWrite,
  type TimerInput,
} from '../../../src/kernel/core.js';
import { Driver } from '../../../src/kernel/driver/driver.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { Store } from '../../../src/kernel/store/store.js';

interface Said {
  readonly kind: 'said';
  readonly text: string;
  readonly signature: Uint8Array;
}
interface Input {
  readonly kind: 'say';
  readonly text: string;
}

/** Signs and writes what its inputs say, and then says it. */
class Speaker implements Core<Input, Said> {
  underWay = 0;
  readonly #sign: Sign;

  constructor(sign: Sign) {
    this.#sign = sign;
  }

  restore(): readonly (Said | CommonOutput)[] {
    return [];
  }

  handle(input: Input | TimerInput): readonly (Said | CommonOutput)[] {
    if (input.kind === 'timer') return [];
    const { text } = input;
    const later = this.#sign.later?.(new TextEncoder().encode(text));
    if (later === undefined) throw new TypeError('it signs nothing later');
    const said: Said = {
      kind: 'said',
      text,
      get signature() {
        return later();
      },
    };
    return [persistSigned(text, later), said];
  }
}

async function running() {
  let signed = 0;
  const signing = { fails: false };
  const fatal: Error[] = [];
  const batches: (readonly StoreWrite[])[] = [];
  const store: Store = {
    load: async () => [],
    write: async (writes) => {
      batches.push(writes);
    },
    close: async () => undefined,
  };
  const core = new Speaker(
    batchSigner(() => {
      if (signing.fails) throw new Error('no signature');
      signed += 1;
      return new Uint8Array(64);
    }),
  );
  const said: string[] = [];
  const driver: Driver<Input, Said> = new Driver<Input, Said>({
    core,
    store,
    perform: ({ text, signature }) => said.push(`${text} ${signature.length}`),
    log: pino({ level: 'silent' }),
    onFatal: (error) => fatal.push(error),
  });
  await driver.start();
  const say = (text: string) => driver.submit({ kind: 'say', text });
  return { driver, core, batches, said, say, signing, fatal, signed: () => signed };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setImmediate', 'setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a turn', () => {
  it('writes, signs and sends once what comes in it', async () => {
    const { batches, said, say, signed } = await running();
    say('a');
    say('b');
    say('c');
    expect([batches.length, signed()]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(0);
    expect(batches.map((batch) => batch.map(({ key }) => key))).toEqual([['a', 'b', 'c']]);
    expect(signed()).toBe(1);
    expect(said).toEqual(['a 130', 'b 130', 'c 98']);
  });

  it('waits for nothing where one transaction is under way', async () => {
    const { core, said, say } = await running();
    core.underWay = 1;
    for (const text of ['a', 'b']) {
      say(text);
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(said).toEqual(['a 64', 'b 64']);
  });

  it('takes longer with more of them, from the end of the one before', async () => {
    const { core, said, say } = await running();
    core.underWay = 3;
    await vi.advanceTimersByTimeAsync(100);
    say('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(['a 64']);
    say('b');
    await vi.advanceTimersByTimeAsync(7);
    say('c');
    expect(said).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(said).toEqual(['a 64', 'b 98', 'c 98']);
  });

  it('takes no longer than the most', async () => {
    const { core, said, say } = await running();
    core.underWay = 10_000;
    await vi.advanceTimersByTimeAsync(100);
    say('a');
    await vi.advanceTimersByTimeAsync(0);
    say('b');
    await vi.advanceTimersByTimeAsync(20);
    expect(said).toHaveLength(2);
  });

  it('stops the driver where what is to be written cannot be made', async () => {
    const { batches, fatal, said, say, signing } = await running();
    signing.fails = true;
    say('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(fatal.map(({ message }) => message)).toEqual(['no signature']);
    expect([batches, said, say('b')]).toEqual([[], [], false]);
  });

  it('is ended before the driver stops', async () => {
    const { core, driver, batches, said, say } = await running();
    core.underWay = 10;
    await vi.advanceTimersByTimeAsync(100);
    say('a');
    await vi.advanceTimersByTimeAsync(0);
    say('b');
    const stopped = driver.stop();
    await vi.advanceTimersByTimeAsync(20);
    await stopped;
    expect(batches).toHaveLength(2);
    expect(said).toHaveLength(2);
  });
});

/** What the core of the next test is given: it says, signed, and writes what it rests on where there is such. */
interface Saying {
  readonly kind: 'do';
  readonly says: string;
  readonly writes?: string;
}

describe('a signature that leaves', () => {
  it('is over nothing that rests on what is not on disk', async () => {
    const fatal: string[] = [];
    const leaves = new Map<string, string>();
    const sign = batchSigner(() => new Uint8Array(64));
    const core: Core<Saying, Said> = {
      underWay: 1,
      restore: () => [],
      handle: (input) => {
        if (input.kind === 'timer') return [];
        const later = signedLater(sign, input.says);
        const said: Said = {
          kind: 'said',
          text: input.says,
          get signature() {
            return later();
          },
        };
        const { writes } = input;
        const persist =
          writes === undefined
            ? []
            : [{ kind: 'persist', key: writes, value: new Uint8Array() } as const];
        return [said, ...persist];
      },
    };
    const onDisk: string[] = [];
    const finish: (() => void)[] = [];
    const store: Store = {
      load: async () => [],
      write: (writes) =>
        new Promise((resolve) => {
          finish.push(() => {
            onDisk.push(...writes.map(({ key }) => key));
            resolve();
          });
        }),
      close: async () => undefined,
    };
    const driver = new Driver<Saying, Said>({
      core,
      store,
      perform: ({ text, signature }) => leaves.set(text, `${signature.length} after ${onDisk}`),
      log: pino({ level: 'silent' }),
      onFatal: ({ message }) => fatal.push(message),
      turnEnded: sign.endTurn,
    });
    await driver.start();
    // One turn: what rests on nothing, and what rests on a write.
    driver.submit({ kind: 'do', says: 'a' });
    driver.submit({ kind: 'do', says: 'b', writes: '1' });
    await vi.advanceTimersByTimeAsync(0);
    expect([...leaves]).toEqual([]);
    // The next turn comes while that is written.
    driver.submit({ kind: 'do', says: 'c', writes: '2' });
    await vi.advanceTimersByTimeAsync(0);
    finish.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
    expect([...leaves]).toEqual([
      ['a', '98 after 1'],
      ['b', '98 after 1'],
    ]);
    finish.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(leaves.get('c')).toBe('64 after 1,2');
    expect(fatal).toEqual([]);
  });
});

function signedLater(sign: Sign, text: string): () => Uint8Array {
  const later = sign.later?.(new TextEncoder().encode(text));
  if (later === undefined) throw new TypeError('it signs nothing later');
  return later;
}
