import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnlistmentRecord } from '../../../src/gateway/core/plain-participant.js';
import {
  type ActivityRecord,
  activityPrefix,
  enlistmentPrefix,
  readRecords,
} from '../../../src/gateway/core/records.js';
import type { TransactionId } from '../../../src/kernel/ids.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { preparedPrefix } from '../../../src/transaction/participant/prepared-records.js';
import type { Scene } from './scene.js';

/** Records of a store, read from a copy of all that a node has on disk. */
async function recordsOf(scene: Scene, name: string, store: string, prefix = '') {
  const copy = await mkdtemp(join(tmpdir(), `concordat-narayana-${name}-`));
  const pid = scene.cluster.nodes.find((node) => node.name === name)?.pid;
  try {
    // Nothing is written while it is copied.
    if (pid !== undefined) process.kill(pid, 'SIGSTOP');
    try {
      await cp(join(scene.cluster.directory, 'data', name), copy, { recursive: true });
    } finally {
      if (pid !== undefined) process.kill(pid, 'SIGCONT');
    }
    const opened = await openStore(join(copy, store));
    const records = await opened.load(prefix);
    await opened.close();
    return records;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Enlistments that a participant of the cluster has prepared, and that have no outcome. */
export async function preparedAt(scene: Scene, participant: string): Promise<string[]> {
  const records = await recordsOf(scene, participant, 'store', preparedPrefix);
  return records.map(({ key }) => key.slice(preparedPrefix.length));
}

export interface GatewayDisk {
  /** Of each transfer that has a participant registered. */
  readonly transactions: ReadonlyMap<string, TransactionId>;
  /** What has no outcome, or has not acknowledged it. */
  readonly open: readonly string[];
}

/** Narayana gives a participant's endpoint the name that the bank has enlisted it by. */
const enlistedAs = /InstanceIdentifier[^>]*>([AB]-([^<]+))</;

export async function gatewayDisk(scene: Scene): Promise<GatewayDisk> {
  const records = await recordsOf(scene, scene.gateway, 'gateway');
  const activities = readRecords<ActivityRecord>(records, activityPrefix);
  const enlistments = readRecords<EnlistmentRecord>(records, enlistmentPrefix);
  const tids = new Map(activities.map(({ key, tid }) => [key, tid]));
  const transactions = new Map<string, TransactionId>();
  for (const { activity, endpoint } of enlistments) {
    const transfer = enlistedAs.exec(endpoint.parameters.join(''))?.[2];
    const tid = tids.get(activity);
    if (transfer !== undefined && tid !== undefined) transactions.set(transfer, tid);
  }
  const undecided = activities.filter(({ outcome }) => outcome === undefined);
  const unacknowledged = enlistments.filter(({ end }) => end === undefined);
  const nameOf = ({ key, endpoint }: EnlistmentRecord) =>
    enlistedAs.exec(endpoint.parameters.join(''))?.[1] ?? key;
  return {
    transactions,
    open: [...undecided.map(({ key }) => key), ...unacknowledged.map(nameOf)],
  };
}

/** Participants that XTS has on disk: they have voted Prepared, and have no outcome. */
export async function preparedInXts(scene: Scene): Promise<string[]> {
  const folder = join(scene.directory, 'wildfly/data/tx-object-store');
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return files
    .filter((file) => file.isFile() && file.parentPath.includes('XTS'))
    .map(({ name }) => name);
}
