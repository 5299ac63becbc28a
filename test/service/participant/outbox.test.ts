import { describe, expect, it, onTestFinished } from 'vitest';
import type { StoredRecord } from '../../../src/kernel/core.js';
import type { Broker, OutboxMessage } from '../../../src/service/participant/outbox/messages.js';
import { OutboxLog } from '../../../src/service/participant/outbox/outbox-log.js';
import { OutboxRelay } from '../../../src/service/participant/outbox/relay.js';
import {
  type ApplicationWrite,
  type EnlistmentRef,
  refKey,
} from '../../../src/transaction/participant/messages.js';
import { operation, RunnerRig, ref, turn } from './runner-rig.js';

const [one, two, three] = [ref(1), ref(2), ref(3)];
const prepared = { vote: 'prepared', record: new Uint8Array() } as const;
const nothing: ReadonlySet<string> = new Set();

/** An outbox, and what its writes have made of a store. */
class OutboxRig {
  readonly store = new Map<string, Uint8Array>();
  log = new OutboxLog(true);

  get texts(): string[] {
    return this.taken().map(({ text }) => JSON.parse(text) as string);
  }

  taken(paused: ReadonlySet<string> = nothing): readonly OutboxMessage[] {
    return this.log.take(paused);
  }

  /** A call that sends a message and votes. */
  vote(of: EnlistmentRef, text: string, topic = 'rooms'): void {
    this.log.begin(of).send(topic, text);
    this.write(this.log.vote(of, prepared).writes);
  }

  /** The commit up to the end's writes, or all of it. */
  beginCommit(of: EnlistmentRef): readonly ApplicationWrite[] {
    return this.log.commit(of);
  }

  endCommit(of: EnlistmentRef): void {
    this.write(this.log.commit(of));
    this.log.committed(of);
  }

  rollBack(of: EnlistmentRef): void {
    this.write(this.log.rollBack(of));
  }

  /** The process is killed and starts again; these are prepared. */
  restart(...inDoubt: readonly EnlistmentRef[]): readonly string[] {
    const refs = inDoubt.map(refKey);
    const records: StoredRecord[] = [...this.store].map(([key, value]) => ({ key, value }));
    this.log = new OutboxLog(true);
    return this.log.restore(records, (key) => refs.includes(key));
  }

  write(writes: readonly ApplicationWrite[]): void {
    for (const { key, value } of writes) {
      if (value === null) this.store.delete(key);
      else this.store.set(key, value);
    }
  }
}

describe('an outbox', () => {
  it('lets messages leave once their transaction has committed, and none of an aborted one', () => {
    const rig = new OutboxRig();
    rig.vote(one, 'a');
    rig.vote(two, 'b');
    expect(rig.texts).toEqual([]);
    rig.rollBack(one);
    rig.endCommit(two);
    expect(rig.texts).toEqual(['b']);
    expect(rig.log.confirmed(new Set(rig.taken().map(({ id }) => id)))).toEqual([
      ...rig.store.keys(),
    ]);
    expect(rig.texts).toEqual([]);
  });

  it('has them leave in the order in which commits began, however they end', () => {
    const rig = new OutboxRig();
    for (const [at, of] of [one, two, three].entries())
      rig.vote(of, `${at}`, at === 1 ? 'x' : 'rooms');
    rig.beginCommit(one);
    rig.endCommit(two);
    rig.endCommit(three);
    expect(rig.texts, 'the first of the topic is not done').toEqual(['1']);
    rig.endCommit(one);
    expect(rig.texts).toEqual(['0', '1', '2']);
  });

  it('keeps that order over a restart, also of what may have committed before', () => {
    const rig = new OutboxRig();
    rig.vote(one, 'a');
    rig.endCommit(one);
    rig.vote(two, 'b');
    // The database has committed the second, and the process is killed before that is in the participant's store.
    rig.beginCommit(two);
    rig.vote(three, 'c');
    rig.write(rig.log.commit(three));
    rig.restart(two);
    expect(rig.texts).toEqual(['a']);
    rig.vote(ref(4), 'd');
    rig.endCommit(ref(4));
    expect(rig.texts).toEqual(['a']);
    rig.endCommit(two);
    expect(rig.texts).toEqual(['a', 'b', 'c', 'd']);
    rig.restart();
    expect(rig.texts).toEqual(['a', 'b', 'c', 'd']);
  });

  it('forgets at the start what no vote stands behind, and what is rolled back then', () => {
    const rig = new OutboxRig();
    rig.vote(one, 'a');
    rig.vote(two, 'b');
    const dropped = rig.restart(two);
    expect(dropped).toHaveLength(1);
    rig.write(dropped.map((key) => ({ key, value: null })));
    rig.rollBack(two);
    expect([...rig.store.keys()]).toEqual([]);
    expect(rig.log.waiting).toBe(0);
  });

  it('gives a message the same id each time, and each message another one', () => {
    const rig = new OutboxRig();
    const outbox = rig.log.begin(one);
    outbox.send('rooms', 1);
    outbox.send('rooms', 1, { key: 'k' });
    rig.write(rig.log.vote(one, prepared).writes);
    rig.endCommit(one);
    const taken = rig.taken();
    expect(new Set(taken.map(({ id }) => id)).size).toBe(2);
    expect(taken.map(({ key }) => key)).toEqual([undefined, 'k']);
    rig.restart();
    expect(rig.taken()).toEqual(taken);
  });

  it('refuses what does not fit, and says why; what ends makes room', () => {
    const { log } = new OutboxRig();
    const code = (reason: string) => expect.objectContaining({ data: { reason } });
    const largest = 'a'.repeat(16 * 1024 - 2);
    const send = (of: EnlistmentRef, count: number, text = '') => {
      const outbox = log.begin(of);
      for (let sent = 0; sent < count; sent += 1) outbox.send(`t${sent % 4}`, text);
    };
    expect(() => send(ref(0), 65)).toThrow(code('TooManyMessages'));
    log.rollBack(ref(0));
    expect(() => send(ref(0), 16, largest)).toThrow(code('TooManyMessages'));
    log.rollBack(ref(0));
    for (let at = 1; at <= 156; at += 1) send(ref(at), 64);
    send(ref(157), 16);
    expect(() => send(ref(158), 1)).toThrow(code('OutboxFull'));
    log.rollBack(ref(7));
    send(ref(159), 64);
    expect(() => send(ref(160), 1)).toThrow(code('OutboxFull'));
    const other = new OutboxRig().log;
    const fill = () => {
      for (let at = 1; at < 2_000; at += 1) {
        const outbox = other.begin(ref(at));
        for (let sent = 0; sent < 15; sent += 1) outbox.send(`t${sent % 15}`, largest);
      }
    };
    expect(fill, 'bytes').toThrow(code('OutboxFull'));
  });

  it.each([
    ['messages', 'x', 2_500],
    ['bytes', 'x'.repeat(16_000), 260],
  ])('leaves room for other topics where one is never taken: %s', (_, text, least) => {
    const rig = new OutboxRig();
    const full = expect.objectContaining({ data: { reason: 'OutboxFull' } });
    const send = (number: number, topic: string) => {
      rig.vote(ref(number), text, topic);
      rig.endCommit(ref(number));
    };
    let sent = 0;
    const fill = () => {
      for (; ; sent += 1) send(sent, 'nobody.takes');
    };
    expect(fill).toThrow(full);
    expect([least, least + 1]).toContain(sent);
    send(10_000, 'rooms');
    rig.restart();
    expect(() => send(10_001, 'nobody.takes')).toThrow(full);
    const [first] = rig.taken();
    rig.log.confirmed(new Set([first?.id ?? '']));
    send(10_002, 'nobody.takes');
    expect(() => send(10_003, 'nobody.takes')).toThrow(full);
  });

  it('takes no odd topics and keys, nothing too long, and nothing once the call is over', () => {
    const { log } = new OutboxRig();
    const outbox = log.begin(one);
    for (const topic of [
      '',
      '.',
      'a..b',
      'a.',
      'a b',
      '*',
      '>',
      '$JS.x',
      'ü',
      'a'.repeat(129),
      7,
    ]) {
      expect(() => outbox.send(topic as string, 1), String(topic)).toThrow(RangeError);
    }
    for (const key of ['', 'a\r\nb', 'ü', 'a'.repeat(201), null]) {
      expect(() => outbox.send('t', 1, { key: key as string }), String(key)).toThrow(RangeError);
    }
    expect(() => outbox.send('t', 'a'.repeat(16 * 1024))).toThrow(RangeError);
    log.vote(one, { vote: 'readOnly' });
    expect(() => outbox.send('t', 1)).toThrow('over');
    const late = log.begin(two);
    log.rollBack(two);
    expect(() => late.send('t', 1)).toThrow('over');
    expect(() => new OutboxLog(false).begin(one).send('t', 1)).toThrow('no outbox');
  });

  it('does not start with a damaged record', () => {
    for (const [key, text] of [
      ['outbox/message/1/0', '{}'],
      ['outbox/message/x/0', '{"id":"a"}'],
      ['outbox/prepared/a/b', '{'],
      ['outbox/prepared/a/b', '7'],
      ['outbox/else', '{"id":"a"}'],
    ] as const) {
      const records = [{ key, value: new TextEncoder().encode(text) }];
      expect(() => new OutboxLog(true).restore(records, () => true), key).toThrow(RangeError);
    }
  });
});

describe('a participant’s resource with an outbox', () => {
  it('commits a call that only sends, though the resource has nothing to commit', async () => {
    const rig = new RunnerRig(
      { prepare: async () => ({ vote: 'readOnly' }) },
      { echo: (_, { outbox }) => outbox.send('rooms', 'a') },
    );
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    await turn();
    const voted = rig.given.find(({ kind }) => kind === 'voted');
    expect(voted).toMatchObject({ vote: { vote: 'prepared' }, writes: [{}] });
    rig.runner.commit(one);
    await turn();
    expect(rig.resource.asked).toEqual(['begin 1', 'prepare 1', 'rollBack 1']);
    const keys = rig.given.flatMap((it) => (it.kind === 'settled' ? it.writes : []));
    expect(keys.map(({ key, value }) => [key.split('/')[1], value === null])).toEqual([
      ['message', false],
      ['prepared', true],
    ]);
    expect(rig.outbox.take(nothing)).toHaveLength(1);
  });

  it('lets nothing leave before the end is with the participant’s store', async () => {
    const rig = new RunnerRig({}, { echo: (_, { outbox }) => outbox.send('rooms', 'a') });
    rig.runner.execute(one, operation('echo'));
    rig.runner.prepare(one);
    await turn();
    rig.hasRoom = false;
    rig.runner.commit(one);
    await turn();
    expect(rig.resource.asked.at(-1)).toBe('commit 1');
    expect(rig.outbox.take(nothing)).toEqual([]);
    rig.hasRoom = true;
    await expect.poll(() => rig.outbox.take(nothing)).toHaveLength(1);
  });

  it('writes what the resource writes under keys of its own', async () => {
    const write = { key: 'outbox/message/1/0', value: Uint8Array.of(1) };
    const rig = new RunnerRig({ commit: async () => [write] });
    rig.runner.commit(one);
    await turn();
    expect(rig.given).toMatchObject([{ writes: [{ key: 'work/outbox/message/1/0' }] }]);
  });
});

describe('a relay', () => {
  const silent = { warn: () => {}, error: () => {}, info: () => {} } as never;

  function started(rig: OutboxRig, publish: Broker['publish']) {
    const dropped: string[] = [];
    const relay = new OutboxRelay({
      outbox: rig.log,
      broker: { publish, close: async () => {} },
      log: silent,
      retryAfterMs: 2,
      drop: (keys) => {
        dropped.push(...keys);
        return true;
      },
    });
    relay.start();
    onTestFinished(() => relay.stop());
    return dropped;
  }

  it('publishes again what is not confirmed, and goes on with other topics meanwhile', async () => {
    const rig = new OutboxRig();
    const published: string[] = [];
    let isDown = true;
    const dropped = started(rig, async (messages) => {
      const taken = messages.filter(({ topic }) => topic === 'good' || !isDown);
      published.push(...taken.map(({ text }) => text));
      return taken.map(({ id }) => id);
    });
    rig.vote(one, 'a', 'bad');
    rig.vote(two, 'b', 'good');
    rig.endCommit(one);
    rig.endCommit(two);
    await expect.poll(() => published).toEqual(['"b"']);
    expect(dropped).toHaveLength(1);
    isDown = false;
    await expect.poll(() => published).toEqual(['"b"', '"a"']);
    await expect.poll(() => dropped).toHaveLength(2);
    expect(rig.log.waiting).toBe(0);
  });

  it('asks a broker that fails until it is there again', async () => {
    const rig = new OutboxRig();
    let asked = 0;
    started(rig, async (messages) => {
      asked += 1;
      if (asked < 4) throw new Error('down');
      return messages.map(({ id }) => id);
    });
    rig.vote(one, 'a');
    rig.endCommit(one);
    await expect.poll(() => rig.log.waiting).toBe(0);
    expect(asked).toBe(4);
  });
});
