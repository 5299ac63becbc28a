import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { loadClient } from '../../../src/cli/client.js';
import { initCluster } from '../../../src/cli/init.js';
import { claimPorts, localHost } from '../../../src/cli/local/port-range.js';
import { type ClusterEvent, LocalCluster } from '../../../src/cli/local-cluster.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import { participantId } from '../../../src/kernel/ids.js';
import { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { FuzzError } from '../attack.js';
import { crowd, openAccounts } from './accounts.js';
import { Keys } from './keys.js';
import { readTraces, type Template, templatesOf } from './recording.js';

/** Whose keys the attacker has, one of each role: at most `f` of those whose number counts. */
export const insiders = {
  coordinator: 'coordinator-3',
  initiator: 'initiator-2',
  participant: 'bank-c',
  client: 'mallory',
} as const;

export const honestClient = 'alice';
/** What the cluster has sessions for. */
export const sessionApplication = 'supply-chain';
const recordedTransfers = 12;
const transferTimeoutMs = 30_000;

export interface Recording {
  readonly templates: readonly Template[];
  /** Peer messages as honest coordinators sent them, and to whom all of them went. */
  readonly frames: readonly Uint8Array[];
}

/** A cluster of real processes under attack, and what was recorded of it before. */
export interface Victim {
  readonly local: LocalCluster;
  readonly keys: Keys;
  readonly recording: Recording;
  stop(): Promise<void>;
}

/**
 * Makes a cluster, records its messages while it makes transfers, and starts it anew without traces,
 * so that what was recorded can be replayed to nodes that have forgotten what they had seen.
 */
export async function startVictim(
  directory: string,
  onEvent: (event: ClusterEvent) => void,
): Promise<Victim> {
  const ports = await claimPorts();
  const start = (options: { traceDirectory?: string }) =>
    LocalCluster.start({ directory, logLevel: 'warn', onEvent, ...options });
  try {
    const traceDirectory = join(directory, 'traces');
    await initCluster({
      directory,
      clusterId: 'fuzz',
      f: 1,
      participants: ['bank-a', 'bank-b', insiders.participant],
      clients: [honestClient, insiders.client, ...crowd],
      sessions: { engine: 'antipaxos', modules: { [sessionApplication]: sessionApplication } },
      layout: { kind: 'local', host: localHost, basePort: ports.basePort },
    });
    await openAccounts(directory, insiders.client);
    const traced = await start({ traceDirectory });
    const recording = await record(traced, traceDirectory).finally(() => traced.stop());
    const local = await start({});
    const files = await readdir(join(directory, 'nodes'));
    const keys = await Keys.load(files.map((file) => join(directory, 'nodes', file)));
    return {
      local,
      keys,
      recording,
      stop: async () => {
        await local.stop();
        await ports.release();
      },
    };
  } catch (error) {
    await ports.release();
    throw error;
  }
}

/** Transfers of the honest client that may be in flight at a time. */
export const honestLanes = 4;

/** Moves one minor unit between two honest banks, or more than there is, or by way of the third. */
export function order(
  from: 'alice' | 'bob',
  kind: 'usual' | 'too-much' | 'three' = 'usual',
): Transfer {
  const accounts = {
    alice: { bank: participantId('bank-a'), account: accountId('alice') },
    bob: { bank: participantId('bank-b'), account: accountId('bob') },
    carol: { bank: participantId(insiders.participant), account: accountId('carol') },
  };
  const to = accounts[from === 'alice' ? 'bob' : 'alice'];
  const amountMinor = kind === 'too-much' ? 1_000_000_000 : 1;
  const others = kind === 'three' ? [accounts.carol] : [];
  return {
    debtor: accounts[from],
    creditors: [to, ...others].map((creditor) => ({ ...creditor, amountMinor })),
    currency: currency('EUR'),
  };
}

/** Takes the place of one coordinator, which hears what the others say, while transfers are made. */
async function record(local: LocalCluster, traceDirectory: string): Promise<Recording> {
  const frames: Uint8Array[] = [];
  const sent: string[] = [];
  await local.kill(insiders.coordinator);
  const node = await loadNode(local.nodeFile(insiders.coordinator));
  if (node.role !== 'coordinator') throw new FuzzError('not a coordinator');
  const self = local.cluster.coordinators.find(({ name }) => name === node.name)?.id;
  if (self === undefined) throw new FuzzError('not in the cluster file');
  const listener = new PeerNetwork({
    cluster: local.cluster,
    self,
    listen: node.peerListen,
    credential: node,
    log: createLogger({ name: 'recorder', level: 'silent' }),
  });
  listener.attach('agreement', { onMessage: (_from, bytes) => void frames.push(bytes) });
  await listener.start();
  const client = await clientOf(local, { lanes: 2, onSent: (text) => sent.push(text) });
  try {
    for (let count = 0; count < recordedTransfers; count += 1) {
      const kind = count % 4 === 3 ? 'too-much' : count % 2 === 1 ? 'usual' : 'three';
      await client.transfer(order(count % 3 === 0 ? 'alice' : 'bob', kind), {
        timeoutMs: transferTimeoutMs,
      });
    }
    await client.getBalance(participantId('bank-a'), accountId('alice'));
  } finally {
    await client.close();
    await listener.stop();
  }
  const templates = [...(await readTraces(traceDirectory)), ...templatesOf(honestClient, sent)];
  return { templates, frames: distinct(frames) };
}

async function clientOf(
  local: LocalCluster,
  options: { readonly lanes: number; readonly onSent?: (text: string) => void },
): Promise<TransferClient> {
  const { node, cluster } = await loadClient(local.nodeFile(honestClient));
  return new TransferClient({ cluster, node, ...options });
}

function distinct(frames: readonly Uint8Array[]): Uint8Array[] {
  return [
    ...new Map(frames.map((frame) => [Buffer.from(frame).toString('base64'), frame])).values(),
  ];
}
