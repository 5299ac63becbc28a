import { join } from 'node:path';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { createLogger } from '../../src/kernel/http/logger.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { PeerNetwork } from '../../src/kernel/links/peer-network.js';
import { endWithParent } from '../support/end-with-parent.js';
import { ownProcessorMs } from '../support/processor-time.js';
import type { FromEnd, ToEnd } from './link.js';

/** So many frames leave in one turn of the loop, as in a cycle of a small cluster. */
const framesAtOnce = 4;
const queueMax = 16;

const [directory = '', end = '0'] = process.argv.slice(2);
const self = Number(end) as ReplicaId;
const other = (1 - self) as ReplicaId;
const cluster = await loadCluster(join(directory, 'cluster.json'));
const node = await loadNode(join(directory, 'nodes', `coordinator-${self}.json`));
if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
const log = createLogger({ name: node.name, level: 'error' });
const network = new PeerNetwork({ cluster, self, listen: node.peerListen, credential: node, log });
let expected = 0;
let startedMs = 0;
network.attach('ordering', {
  onMessage: () => {
    expected -= 1;
    if (expected === 0) tell({ kind: 'done', usedMs: ownProcessorMs() - startedMs });
  },
  onUp: (replica) => {
    if (replica === other) tell({ kind: 'ready' });
  },
});
process.on('message', (message: ToEnd) => {
  startedMs = ownProcessorMs();
  if (message.kind === 'send') return void sendAll(message.frames, new Uint8Array(message.bytes));
  expected = message.frames;
  tell({ kind: 'ready' });
});
endWithParent();
await network.start();

async function sendAll(frames: number, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < frames; sent += framesAtOnce) {
    for (let count = 0; count < framesAtOnce; count += 1) network.send('ordering', other, bytes);
    do await new Promise((resolve) => setImmediate(resolve));
    while ((network.status().find(({ replica }) => replica === other)?.queued ?? 0) > queueMax);
  }
  tell({ kind: 'done', usedMs: ownProcessorMs() - startedMs });
}

function tell(message: FromEnd): void {
  process.send?.(message);
}
