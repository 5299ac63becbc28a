import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startFront } from '../../../src/banking/front/front-node.js';
import type { TransferResponse } from '../../../src/banking/soap.js';
import { transactionId } from '../../../src/kernel/ids.js';
import { StoreDamagedError } from '../../../src/kernel/store/mark.js';
import { createStore } from '../../../src/kernel/store/store.js';
import { SoapFault } from '../../../src/soap/faults.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { until } from '../../kernel/support/wait.js';
import { serveInitiator } from '../../support/nodes/stubs.js';
import { log, World } from '../../support/nodes/world.js';

const tid = (timestamp: number) =>
  transactionId(`00000000-0000-8000-8000-${timestamp.toString(16).slice(-12).padStart(12, '0')}`);

let world: World;
let dataDir: string;
beforeEach(async () => {
  world = await World.make({ defaultExpiresMs: 1000 });
  dataDir = await temporaryDirectory();
  await createStore(join(dataDir, 'requests'));
});

async function front() {
  const node = { ...world.node('front', 'front'), dataDir };
  const running = await startFront({ cluster: world.cluster, node, log });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= running.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { url: running.url, stop };
}

/** Initiators that commit each request as a transaction of its own; what they saw. */
async function initiators(answer?: () => void | Promise<void>) {
  const commit = async (seen: readonly { timestamp: number }[]): Promise<TransferResponse> => {
    await answer?.();
    return { transactionId: tid(seen.at(-1)?.timestamp ?? 0), outcome: 'committed' };
  };
  const all = await Promise.all([0, 1, 2].map((index) => serveInitiator(world, index, commit)));
  return () => new Set(all.flat().map(({ client, timestamp }) => `${client} ${timestamp}`));
}

const addressing = 'http://www.w3.org/2005/08/addressing';

interface Sending {
  readonly id?: string;
  readonly key?: string;
  readonly amount?: number;
  readonly version?: '1.1' | '1.2';
  readonly signal?: AbortSignal;
}

async function post(url: string, { id, key, amount = 5, version = '1.2', signal }: Sending) {
  const soap =
    version === '1.1'
      ? 'http://schemas.xmlsoap.org/soap/envelope/'
      : 'http://www.w3.org/2003/05/soap-envelope';
  const header = id
    ? `<S:Header><a:Action xmlns:a="${addressing}">urn:concordat:bank/Transfer</a:Action>` +
      `<a:MessageID xmlns:a="${addressing}">${id}</a:MessageID></S:Header>`
    : '';
  const body =
    '<b:Transfer xmlns:b="urn:concordat:bank"><b:debtor><b:bank>bank-a</b:bank>' +
    '<b:account>a1</b:account></b:debtor><b:creditor><b:bank>bank-b</b:bank><b:account>b1</b:account>' +
    `<b:amountMinor>${amount}</b:amountMinor></b:creditor><b:currency>EUR</b:currency></b:Transfer>`;
  const response = await fetch(`${url}/transfer`, {
    method: 'POST',
    headers: {
      'content-type': version === '1.1' ? 'text/xml' : 'application/soap+xml',
      ...(key && { 'idempotency-key': key }),
    },
    body: `<S:Envelope xmlns:S="${soap}">${header}<S:Body>${body}</S:Body></S:Envelope>`,
    ...(signal && { signal }),
  });
  const text = await response.text();
  return { status: response.status, text, tid: /transactionId>([^<]+)/.exec(text)?.[1] };
}

async function ask(url: string, key: string) {
  const response = await fetch(`${url}/outcome?key=${encodeURIComponent(key)}`);
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) };
}

/** The answer for a request that no initiator has been asked for yet. */
const stillOpen = (key: string) => ({ status: 200, key, state: 'open' });

/** Waits until the front door knows that it is. */
function committed(url: string, key: string): Promise<void> {
  const state = async () => expect(await ask(url, key)).toMatchObject({ state: 'committed' });
  return vi.waitFor(state, 15_000);
}

describe('a request that is sent to the front door again', () => {
  for (const version of ['1.1', '1.2'] as const) {
    it(`by its MessageID is the same transaction, in SOAP ${version}`, async () => {
      const seen = await initiators();
      const { url } = await front();
      const id = 'urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da';
      const [first, again] = [await post(url, { id, version }), await post(url, { id, version })];
      expect(first.status).toBe(200);
      expect(again.tid).toBe(first.tid);
      expect(seen().size).toBe(1);
      const other = await post(url, { id: 'urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662db' });
      expect(other.tid).not.toBe(first.tid);
    });
  }

  it('by its Idempotency-Key is the same, also at once and over a restart', async () => {
    const seen = await initiators();
    const before = await front();
    const sent = await Promise.all([1, 2, 3].map(() => post(before.url, { key: 'one' })));
    await before.stop();
    const { url } = await front();
    const again = await post(url, { key: 'one', id: 'urn:another' });
    expect(new Set([...sent, again].map((each) => each.tid)).size).toBe(1);
    expect(seen().size).toBe(1);
    expect(await ask(url, 'one')).toMatchObject({ state: 'committed', transactionId: again.tid });
  });

  it('is not taken for new by a front door that has lost what it knew: it does not start', async () => {
    const first = await front();
    await first.stop();
    for (const name of ['requests', 'requests.mark']) {
      await rm(join(dataDir, name), { recursive: true });
    }
    const refused = front();
    await expect(refused).rejects.toBeInstanceOf(StoreDamagedError);
    await expect(refused).rejects.toThrow(/has vanished.*or a front door must not.*new-store/);
  });

  it('is refused with another body', async () => {
    const seen = await initiators();
    const { url } = await front();
    await post(url, { key: 'one' });
    const changed = await post(url, { key: 'one', amount: 6 });
    expect(changed.status).toBe(400);
    expect(changed.text).toContain('ConflictingKey');
    const [a, b] = await Promise.all([
      post(url, { key: 'two' }),
      post(url, { key: 'two', amount: 6 }),
    ]);
    expect([a.status, b.status].sort()).toEqual([200, 400]);
    expect(seen().size).toBe(2);
  });

  it('without a key is another request', async () => {
    const seen = await initiators();
    const { url } = await front();
    await post(url, {});
    await post(url, {});
    expect(seen().size).toBe(2);
  });

  it('after the connection broke is the same', async () => {
    let open = () => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const seen = await initiators(() => held);
    const { url } = await front();
    const broken = new AbortController();
    const first = post(url, { key: 'one', signal: broken.signal });
    await until('it has been sent on', () => seen().size > 0);
    broken.abort();
    await expect(first).rejects.toThrow();
    const second = post(url, { key: 'one' });
    open();
    expect((await second).status).toBe(200);
    expect(seen().size).toBe(1);
  });
});

describe('an outcome that the front door does not know', () => {
  it('is named in the fault, asked for, and known in the end, over a restart as well', async () => {
    const before = await front();
    const failed = await post(before.url, { key: 'one' });
    expect(failed.text).toMatch(/OutcomeUnknown.*GET \/outcome\?key=one/);
    const client = /Client>([^<]+)</.exec(failed.text)?.[1];
    const timestamp = Number(/Timestamp>([^<]+)</.exec(failed.text)?.[1]);
    expect(await ask(before.url, 'one')).toMatchObject({ state: 'open', client, timestamp });
    await before.stop();
    const seen = await initiators();
    const { url } = await front();
    await committed(url, 'one');
    expect([...seen()]).toEqual([`${client} ${timestamp}`]);
    expect((await post(url, { key: 'one' })).tid).toBe(tid(timestamp));
  });

  it('has a key of the front door’s where the caller gave none', async () => {
    const { url } = await front();
    const failed = await post(url, {});
    const key = /Key>([^<]+)</.exec(failed.text)?.[1] ?? '';
    expect(await ask(url, key)).toMatchObject({ state: 'open' });
    await initiators();
    await committed(url, key);
  });

  it('is open while the request waits for a lane: it may still be made', async () => {
    world = await World.make({ defaultExpiresMs: 60_000 });
    let open = () => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const seen = await initiators(() => held);
    const { url } = await front();
    const lanes = 64;
    const first = Promise.allSettled(
      Array.from({ length: lanes }, (_, index) => post(url, { key: `${index}` })),
    );
    await until('all lanes are taken', () => seen().size === lanes);
    const broken = new AbortController();
    const late = Promise.allSettled([post(url, { key: 'late', signal: broken.signal })]);
    const isOpen = async () => expect(await ask(url, 'late')).toEqual(stillOpen('late'));
    await vi.waitFor(isOpen, 5000);
    broken.abort();
    expect((await late)[0].status).toBe('rejected');
    expect(await ask(url, 'late')).toEqual(stillOpen('late'));
    expect(seen().size).toBe(lanes);
    open();
    await first;
    await committed(url, 'late');
    expect(seen().size).toBe(lanes + 1);
  });

  it('is too old where the initiators say so', async () => {
    const stale = () => {
      const concordat = { namespace: 'urn:concordat:2026', code: 'StaleRequest', reason: 'old' };
      throw new SoapFault({ soapCode: 'Sender', ...concordat });
    };
    for (const index of [0, 1, 2]) await serveInitiator(world, index, stale);
    const { url } = await front();
    expect((await post(url, { key: 'one' })).text).toContain('TooOld');
    expect(await ask(url, 'one')).toMatchObject({ state: 'too-old' });
  });

  it('is none where the key was never used', async () => {
    const { url } = await front();
    expect(await ask(url, 'none')).toMatchObject({ status: 404, state: 'unknown, not executed' });
  });

  it('says nothing of the time before the front door began to remember', async () => {
    const { url } = await front();
    const { rememberedMs } = (await ask(url, 'none')) as { rememberedMs?: number };
    expect(rememberedMs).toBeGreaterThanOrEqual(0);
    // This process is older than the front door in it.
    expect(rememberedMs).toBeLessThan(performance.now());
  });
});
