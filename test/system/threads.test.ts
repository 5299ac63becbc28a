import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeSigned, signStatement } from '../../src/agreement/signing.js';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { loadClient } from '../../src/cli/client.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { type Binding, bindings } from '../../src/kernel/cluster.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { initiatorId, transactionId } from '../../src/kernel/ids.js';
import { ed25519Signer } from '../../src/kernel/keys.js';
import { endpoint, none, referenceParameterBlocks } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { soapIdentity } from '../../src/soap/identity.js';
import { notificationAction, writeNotification } from '../../src/transaction/soap/coordination.js';
import {
  statementExtension,
  transactionIdParameter,
} from '../../src/transaction/soap/extension.js';
import { cli } from '../cli/support/cli.js';
import { faultIn, post } from '../soap/harness.js';
import { order } from './support/order.js';

const threadsTest = 120_000;
let local: LocalCluster | undefined;
let directory: string | undefined;
afterEach(async () => {
  await local?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
});

/** A cluster whose coordinators and banks have two worker threads each. */
async function start(binding: Binding): Promise<LocalCluster> {
  directory = await mkdtemp(join(tmpdir(), 'concordat-threads-'));
  local = await LocalCluster.start({ directory, create: { f: 1, clients: ['alice'], binding } });
  for (const { name } of local.nodes) {
    if (!/^(coordinator|bank)/.test(name)) continue;
    const file = local.nodeFile(name);
    const node = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...node, threads: 2 }));
    await local.restart(name);
  }
  return local;
}

async function statusOf(cluster: LocalCluster, name: string) {
  return (await fetch(`${cluster.url(name)}/status`)).json();
}

describe.each(bindings)('nodes with worker threads, binding %s', (binding) => {
  it('commit transfers, and refuse what is not signed as it must be', {
    timeout: threadsTest,
  }, async () => {
    const cluster = await start(binding);
    const { node, cluster: file } = await loadClient(cluster.nodeFile('alice'));
    const client = new TransferClient({ cluster: file, node, lanes: 8 });
    try {
      const transfers = Array.from({ length: 24 }, () =>
        client.transfer(order, { timeoutMs: 60_000 }),
      );
      for (const { outcome } of await Promise.all(transfers)) expect(outcome).toBe('committed');
    } finally {
      await client.close();
    }
    const { costs, threads, ...status } = await statusOf(cluster, 'coordinator-0');
    expect({ threads, binding: status.binding }).toEqual({ threads: 2, binding });
    const shown = (await cli('status', '-c', cluster.clusterFile)).out;
    expect(shown).toMatch(binding === 'soap' ? /bank-a .* soap +http/ : /bank-a .* links up/);
    expect(await readFile(join(cluster.directory, 'logs', 'bank-a.log'), 'utf8')).toMatch(
      /"threads":2.*"msg":"started"/,
    );
    expect(costs.statementsChecked).toBeGreaterThan(24);

    const initiator = await loadNode(cluster.nodeFile('initiator-0'));
    if (initiator.role !== 'initiator') throw new Error('no initiator');
    const address = `${cluster.url('coordinator-0')}/completion`;
    const { signer } = soapIdentity(file, initiator);
    const sent = (key: string) => {
      const tid = transactionId(randomUUID());
      const fields = { kind: 'completion', tid, decision: 'commit' } as const;
      const statement = { ...fields, initiator: initiatorId(0) };
      const encoded = encodeSigned(signStatement(ed25519Signer(key), file.id, statement));
      return signer.sign({
        version: '1.2',
        addressing: {
          to: address,
          action: notificationAction('Commit'),
          messageId: newMessageId(),
          replyTo: none,
        },
        headers: referenceParameterBlocks(endpoint(address, transactionIdParameter(tid))),
        body: writeNotification('Commit', statementExtension(encoded)),
      });
    };
    // The envelope is the initiator's, the statement in it is not.
    const other = await loadNode(cluster.nodeFile('initiator-1'));
    if (other.role !== 'initiator') throw new Error('no initiator');
    expect((await post(address, sent(other.statementKey))).status).toBe(202);
    const log = () => readFile(join(cluster.directory, 'logs', 'coordinator-0.log'), 'utf8');
    await expect.poll(log, { timeout: 10_000 }).toContain('cc:Statement: bad-signature');
    const good = sent(initiator.statementKey);
    expect((await post(address, good)).status).toBe(202);
    const replayed = await post(address, good);
    expect([replayed.status, faultIn(replayed.text)]).toEqual([400, 'InvalidSecurity']);
    const forged = await post(
      address,
      sent(initiator.statementKey).replace('/completion<', '/completios<'),
    );
    expect([forged.status, faultIn(forged.text)]).toEqual([400, 'FailedCheck']);
  });
});
