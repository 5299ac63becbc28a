import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../../../src/api/test-cluster.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import {
  SessionClient,
  type SessionClientOptions,
} from '../../../src/session/client/session-client.js';

const notes = fileURLToPath(new URL('../../support/notes/application.mjs', import.meta.url));
const take = (key: string, text: string) => JSON.stringify({ take: key, text });
const count = (key: string) => JSON.stringify({ count: key });
const read = (key: string) => JSON.stringify({ read: key });
const done = (result: string) => ({ kind: 'done', result });

describe.each(['antipaxos', 'fab', 'pbft'] as const)('a session client, with %s', (engine) => {
  let cluster: TestCluster;
  let clients: SessionClient[];
  beforeAll(async () => {
    cluster = await TestCluster.start({ sessions: { engine, modules: { notes } } });
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    clients = [];
  });
  afterEach(() => {
    for (const client of clients) client.close();
  });

  async function open(options: Partial<SessionClientOptions> = {}): Promise<SessionClient> {
    const node = await loadNode(join(cluster.directory, 'nodes', 'alice.json'));
    if (node.role !== 'client') throw new Error('not a client');
    const client = new SessionClient({
      cluster: cluster.cluster,
      node,
      application: 'notes',
      home: 'coordinator-0',
      ...options,
    });
    clients.push(client);
    return client;
  }

  it('has each operation answered at once, then witnessed, then final', async () => {
    const heard: string[] = [];
    const client = await open({
      onStatus: (sequence, { kind }) => heard.push(`${sequence} ${kind}`),
    });
    const first = await client.call(take('a', 'mine'));
    expect(first).toMatchObject({ sequence: 1, result: done('mine') });
    const second = await client.call(read('a'));
    expect(second.result).toEqual(done('mine'));
    await first.witnessed;
    const end = await client.end();
    expect(end.sequence).toBe(3);
    expect(await first.final).toMatchObject({ kind: 'committed', result: done('mine') });
    expect((await second.final).proof.outcome.sequence).toBe(2);
    await end.final;
    expect(heard[0]).toBe('1 provisional');
    expect(heard.filter((line) => /committed/.test(line)).toSorted()).toEqual([
      '1 committed',
      '2 committed',
      '3 committed',
    ]);
    expect([...(client.receipts(1)?.keys() ?? [])]).toContain(0);
    const late = await client.call(read('a')).catch((error: unknown) => error);
    expect(late).toMatchObject({
      name: 'SessionError',
      code: 'refused',
      data: { problem: { code: 'ended' } },
    });
  });

  it('is told that another session was first', async () => {
    const [one, other] = [await open(), await open({ home: 'coordinator-3' })];
    const [mine, yours] = await Promise.all([
      one.call(take('seat', 'one')),
      other.call(take('seat', 'other')),
    ]);
    await Promise.all([one.commit(), other.commit()]);
    const finals = [await mine.final, await yours.final];
    expect(finals.map(({ result }) => result.kind).toSorted()).toEqual(['done', 'rejected']);
    for (const { kind, result } of finals) {
      expect(kind).toBe(result.kind === 'done' ? 'committed' : 'aborted');
    }
  });

  it('sends calls made in one go together, and counts each once', async () => {
    const client = await open({ home: 'coordinator-1' });
    const calls = Array.from({ length: 40 }, () => client.call(count('many')));
    const results = (await Promise.all(calls)).map(({ result }) => result);
    expect(results.at(-1)).toEqual(done('40'));
    await client.commit();
    const { final } = await (calls.at(-1) ?? Promise.reject(new Error('none')));
    expect((await final).result).toEqual(done('40'));
  });

  it('goes on at another coordinator where its home stops, and nothing is done twice', async () => {
    const left: string[] = [];
    const client = await open({
      home: 'coordinator-2',
      answerTimeoutMs: 2000,
      onHome: (name) => left.push(name),
    });
    const first = await client.call(count('once'));
    await first.witnessed;
    await cluster.stopNode('coordinator-2');
    const second = await client.call(count('once'));
    expect(second.result).toEqual(done('2'));
    await client.commit();
    expect((await first.final).result).toEqual(done('1'));
    expect((await second.final).result).toEqual(done('2'));
    expect(left[0]).toBe('coordinator-3');
    await cluster.startNode('coordinator-2');
    const again = await open({ home: 'coordinator-2' });
    const third = await again.call(count('once'));
    await again.commit();
    expect((await third.final).result).toEqual(done('3'));
  });

  it('leaves a home that says what nobody has signed', async () => {
    const { coordinators } = cluster.cluster;
    const [honest] = coordinators;
    const liar = createHttpServer({ log: createLogger({ name: 'liar', level: 'silent' }) });
    liar.post('/sessions/operations', async ({ body }) => {
      const answer = await fetch(`${honest?.url}/sessions/operations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await answer.text()).replace('"result":"truth"', '"result":"a lie"');
    });
    const url = await liar.listen({ host: '127.0.0.1', port: 0 });
    const members = coordinators.map((one) => (one === honest ? { ...one, url } : one));
    const reasons: string[] = [];
    const client = await open({
      cluster: { ...cluster.cluster, coordinators: members },
      onHome: (name, reason) => reasons.push(`${name}: ${reason}`),
    });
    const { result } = await client.call(take(`said to ${engine}`, 'truth'));
    expect(result).toEqual(done('truth'));
    expect(reasons).toEqual(['coordinator-1: a receipt is of another result']);
    client.close();
    await liar.close();
  });

  it('gives up where nobody answers, and says so', async () => {
    const cut = cluster.cluster.coordinators.map((member) => ({
      ...member,
      url: 'http://127.0.0.1:9',
    }));
    const client = await open({
      cluster: { ...cluster.cluster, coordinators: cut },
      giveUpAfterMs: 300,
    });
    const error = await client.call(read('a')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'SessionError', code: 'unreachable' });
  });

  it('is refused what no coordinator takes', async () => {
    const client = await open({ application: 'no-such' });
    const error = await client.call('x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'refused',
      data: { problem: { code: 'unknown-application' } },
    });
  });
});
