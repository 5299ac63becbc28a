import { describe, expect, it } from 'vitest';
import {
  bookLimits,
  type FrontRequest,
  RequestBook,
} from '../../../src/banking/front/request-book.js';
import { accountId, currency } from '../../../src/banking/soap.js';
import { clientId, participantId, transactionId } from '../../../src/kernel/ids.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';

const answer = {
  kind: 'outcome',
  result: {
    transactionId: transactionId('00000000-0000-8000-8000-000000000001'),
    outcome: 'committed',
  },
} as const;

/** A book of a clock that a test moves; its store keeps nothing. */
function scene() {
  let now = 1_000_000;
  const written = new Map<string, Uint8Array | null>();
  const store = {
    load: () => Promise.resolve([]),
    write: (writes: readonly { key: string; value: Uint8Array | null }[]) => {
      for (const { key, value } of writes) written.set(key, value);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  const book = new RequestBook(store, () => now);
  const request = (key: string, caller: string): FrontRequest => ({
    key,
    caller,
    sinceMs: now,
    ticket: { client: clientId('front/1'), timestamp: 1 },
    order: {
      debtor: { bank: participantId('bank-a'), account: accountId('a1') },
      creditors: [{ bank: participantId('bank-b'), account: accountId('b1'), amountMinor: 1 }],
      currency: currency('EUR'),
    },
  });
  const fill = async (caller: string, count: number) => {
    for (let i = 0; i < count; i += 1)
      await book.put({ ...request(`${caller} ${i}`, caller), answer });
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { book, request, fill, pass, written };
}

describe('the front door’s book of requests', () => {
  it('knows for how long it is complete: not before it began, nor before what had to give way', async () => {
    const { book, request, fill, pass } = scene();
    await book.load();
    expect(book.rememberedMs).toBe(0);
    pass(1000);
    expect(book.rememberedMs).toBe(1000);
    await fill('one', bookLimits.requestsOfCaller);
    pass(bookLimits.youngMs + 1);
    expect(book.rememberedMs).toBe(1000 + bookLimits.youngMs + 1);
    expect(await book.makeRoom('one')).toBe(true);
    expect(book.get('one 0')).toBeUndefined();
    expect(book.rememberedMs).toBe(bookLimits.youngMs);
    await book.put({ ...request('later', 'one'), answer });
    pass(2 * bookLimits.keptMs);
    expect(book.rememberedMs).toBe(bookLimits.keptMs);
  });

  it('refuses the caller whose share is full, and not another', async () => {
    const { book, fill } = scene();
    await fill('greedy', bookLimits.requestsOfCaller);
    expect(await book.makeRoom('greedy')).toBe(false);
    expect(await book.makeRoom('modest')).toBe(true);
  });

  it('lets a caller’s oldest give way to its new ones, and nobody else’s', async () => {
    const { book, fill, pass } = scene();
    await fill('modest', 1);
    await fill('greedy', bookLimits.requestsOfCaller);
    pass(bookLimits.youngMs);
    expect(await book.makeRoom('greedy')).toBe(true);
    expect(book.get('greedy 0')).toBeUndefined();
    expect(book.get('greedy 1')).toBeDefined();
    expect(book.get('modest 0')).toBeDefined();
  });

  it('forgets what is answered after its time, and never what is open', async () => {
    const { book, request, fill, pass, written } = scene();
    await book.put(request('open', 'modest'));
    await fill('modest', 3);
    pass(bookLimits.keptMs + 1);
    expect(book.get('modest 0')).toBeUndefined();
    expect(book.get('open')).toBeDefined();
    await book.makeRoom('modest');
    expect([...written.values()].filter((value) => value === null)).toHaveLength(3);
  });

  it('takes no more where too many are open', async () => {
    const { book, request } = scene();
    for (let i = 0; i < bookLimits.open; i += 1) await book.put(request(`${i}`, `caller ${i}`));
    expect(await book.makeRoom('another')).toBe(false);
  });

  it('gives what is open, and remembers what is answered, after a restart', async () => {
    const directory = await temporaryDirectory();
    const { request } = scene();
    const store = await openStore(directory);
    const before = new RequestBook(store, () => 0);
    await before.put(request('open', 'a'));
    await before.put(request('done', 'a'));
    await before.put({ ...request('done', 'a'), answer });
    await store.close();
    const again = await openStore(directory);
    const after = new RequestBook(again, () => 0);
    expect((await after.load()).map(({ key }) => key)).toEqual(['open']);
    expect(after.get('done')?.answer).toEqual(answer);
    await again.close();
  });
});
