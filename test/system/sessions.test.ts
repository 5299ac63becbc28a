import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { type ClientNode, loadNode } from '../../src/kernel/config/node-file.js';
import { Keyring } from '../../src/kernel/keys.js';
import { verifyOperationProof } from '../../src/session/check-proof.js';
import { SessionClient } from '../../src/session/client/session-client.js';
import type { FinalStatus, Performed } from '../../src/session/client/session-log.js';
import { serverEvents } from '../../src/session/client/session-node.js';
import { submissionJson } from '../../src/session/http/run-json.js';
import { readAnswer, readEvent } from '../../src/session/http/status-json.js';
import {
  beginChain,
  newHeader,
  ownerSigner,
  type SessionChain,
  signRun,
} from '../../src/session/owners.js';
import type { SessionRun } from '../../src/session/types.js';
import { chunksOf } from '../support/chunks.js';
import { eventually } from './support/eventually.js';

/** Sessions over one process a node, real sockets and disks, with both engines. */

const notes = fileURLToPath(new URL('../support/notes/application.mjs', import.meta.url));
const count = JSON.stringify({ count: 'steps' });

describe.each(['antipaxos', 'fab', 'pbft'] as const)('sessions ordered by %s', (engine) => {
  let directory: string;
  let ports: PortRange;
  let cluster: LocalCluster;
  let owner: ClientNode;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-sessions-'));
    ports = await claimPorts();
    cluster = await LocalCluster.start({
      directory,
      create: { f: 1, participants: [], sessions: { engine, modules: { notes } } },
      basePort: ports.basePort,
      logLevel: 'warn',
    });
    const node = await loadNode(cluster.nodeFile('alice'));
    if (node.role !== 'client') throw new Error('not a client');
    owner = node;
  }, 90_000);

  afterAll(async () => {
    await cluster?.stop();
    await ports?.release();
    await rm(directory, { recursive: true, force: true });
  });

  const url = (index: number) => cluster.url(`coordinator-${index}`);

  async function valueAt(index: number, key: string): Promise<string | undefined> {
    const answer = await fetch(`${url(index)}/state/notes/${key}`);
    return answer.ok ? ((await answer.json()) as { value: string }).value : undefined;
  }

  function begin(): SessionChain {
    const header = newHeader({
      application: 'notes',
      owner: 'alice',
      certificate: new X509Certificate(owner.certificate).raw,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    return beginChain(cluster.cluster.id, header);
  }

  async function post(index: number, run: SessionRun, commit: boolean) {
    const answer = await fetch(`${url(index)}/sessions/operations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(submissionJson({ run, commit })),
    });
    expect(answer.status).toBe(200);
    return readAnswer(cluster.cluster.id, await answer.json());
  }

  it('a session whose home is killed is finished elsewhere, and nothing is done twice', async () => {
    const { id } = cluster.cluster;
    const sign = ownerSigner(owner.privateKey);
    const call = (payload: string) => ({ kind: 'call', payload }) as const;
    const begun = begin();
    const { session } = begun;
    const first = signRun(id, begun, [call(count), call(count)], sign);
    const promised = await post(1, first.run, false);
    expect(promised.statuses.map(({ status }) => [status.kind, status.result])).toEqual([
      ['provisional', { kind: 'done', result: '1' }],
      ['provisional', { kind: 'done', result: '2' }],
    ]);
    await cluster.kill('coordinator-1', 'SIGKILL');

    // The next home gets everything again, and one operation more.
    const last = signRun(id, first.chain, [call(count), { kind: 'end' }], sign);
    await post(2, first.run, false);
    await post(2, last.run, true);
    const stream = await fetch(`${url(2)}/sessions/${session}/events?from=1`);
    const finals = new Map<number, FinalStatus>();
    const keyring = Keyring.of(cluster.cluster);
    if (!stream.body) throw new Error('no stream');
    for await (const { name, data } of serverEvents(chunksOf(stream.body))) {
      const event = readEvent(id, name, data);
      if (event?.kind !== 'operation' || !('proof' in event.status)) continue;
      expect(verifyOperationProof(keyring, event.status.proof).ok).toBe(true);
      finals.set(event.sequence, event.status);
      if (finals.size === 4) break;
    }
    expect([1, 2, 3].map((sequence) => finals.get(sequence)?.result)).toEqual([
      { kind: 'done', result: '1' },
      { kind: 'done', result: '2' },
      { kind: 'done', result: '3' },
    ]);

    await cluster.restart('coordinator-1');
    for (const index of [0, 1, 2, 3]) {
      await eventually(`all done at ${index}, once`, async () => {
        return (await valueAt(index, 'steps')) === '3';
      });
    }
    // What was promised before the kill is still promised, and final there, too.
    await eventually('its own word is kept', async () => {
      const answer = await fetch(`${url(1)}/sessions/${session}?from=1`);
      const { statuses } = readAnswer(id, await answer.json());
      return statuses.length === 4 && statuses.every(({ status }) => status.kind === 'committed');
    });
  }, 120_000);

  it('all replicas take all operations once, in one order, also one that is killed', async () => {
    const clients = Array.from(
      { length: 6 },
      (_, index) =>
        new SessionClient({
          cluster: cluster.cluster,
          node: owner,
          application: 'notes',
          home: `coordinator-${index % 4}`,
          answerTimeoutMs: 10_000,
        }),
    );
    try {
      const performed: Performed[] = [];
      const work = clients.map(async (client, index) => {
        for (let step = 0; step < 12; step += 1) {
          const log = `${index}.${step}`;
          performed.push(await client.call(JSON.stringify({ log })));
          if (step % 4 === 3) await client.commit();
        }
        await client.end();
      });
      await eventually('it is under way', () => performed.length > 8);
      await cluster.kill('coordinator-3', 'SIGKILL');
      await eventually('it goes on without', () => performed.length > 40);
      await cluster.restart('coordinator-3');
      await Promise.all(work);
      const finals = await Promise.all(performed.map(({ final }) => final));
      expect(finals.every(({ result }) => result.kind === 'done')).toBe(true);
    } finally {
      for (const client of clients) client.close();
    }
    const order = (await valueAt(0, 'log')) ?? '';
    const entries = order.split(',');
    expect(entries).toHaveLength(72);
    expect(new Set(entries).size).toBe(72);
    for (let index = 0; index < 6; index += 1) {
      const own = entries.filter((entry) => entry.startsWith(`${index}.`));
      expect(own).toEqual(Array.from({ length: 12 }, (_, step) => `${index}.${step}`));
    }
    for (const index of [1, 2, 3]) {
      await eventually(`the same order at ${index}`, async () => {
        return (await valueAt(index, 'log')) === order;
      });
    }
  }, 180_000);

  it('a coordinator whose store of sessions is gone comes back, and another may fail then', async () => {
    const node = await loadNode(cluster.nodeFile('coordinator-3'));
    if (node.role !== 'coordinator') throw new Error('not a coordinator');
    await cluster.kill('coordinator-3');
    await rm(join(node.dataDir, 'sessions'), { recursive: true });
    await rm(join(node.dataDir, 'sessions.mark'));
    await cluster.restart('coordinator-3');
    const sessionsAt3 = async () => {
      const health = (await (await fetch(`${url(3)}/healthz`)).json()) as { sessions: string };
      return health.sessions;
    };
    // Nobody does anything meanwhile: the others make room for it.
    await eventually('it is back', async () => (await sessionsAt3()) === 'running');
    await cluster.kill('coordinator-1');
    const client = new SessionClient({
      cluster: cluster.cluster,
      node: owner,
      application: 'notes',
      home: 'coordinator-3',
      // On a busy machine the next one takes its time, and is not to be left for that.
      answerTimeoutMs: 30_000,
      finalAfterMs: 60_000,
    });
    try {
      const { final } = await client.call(count);
      await client.commit();
      expect((await final).kind).toBe('committed');
      // What it has promised it does not know any more, so it promises nothing.
      expect(client.home).toBe('coordinator-0');
    } finally {
      client.close();
    }
  }, 120_000);
});
