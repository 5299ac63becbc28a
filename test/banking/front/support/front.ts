import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startFront } from '../../../../src/banking/front/front-node.js';
import { createHttpServer } from '../../../../src/kernel/http/http-server.js';
import type { TransactionId } from '../../../../src/kernel/ids.js';
import { createStore } from '../../../../src/kernel/store/store.js';
import { temporaryDirectory } from '../../../kernel/support/directory.js';
import { log, type World } from '../../../support/nodes/world.js';

/** The text of the cluster's file where a front door of a test has it. */
export const clusterText = '{"id": "as it stands in the file"}';

/** A front door in this process, until the test ends. */
export async function serveFront(world: World, over: { readonly publicUrl?: string } = {}) {
  const dataDir = await temporaryDirectory();
  const clusterFile = join(dataDir, 'cluster.json');
  await writeFile(clusterFile, clusterText);
  await createStore(join(dataDir, 'requests'));
  const node = { ...world.node('front', 'front'), dataDir, clusterFile, ...over };
  const { url, stop } = await startFront({ cluster: world.cluster, node, log });
  onTestFinished(stop);
  return url;
}

/** A coordinator that gives these bytes as the proof of a transaction, and of no other. */
export async function serveProof(
  world: World,
  index: number,
  proofs: ReadonlyMap<TransactionId, Uint8Array>,
): Promise<void> {
  const app = createHttpServer({ log });
  app.get<{ Params: { tid: TransactionId } }>('/proof/:tid', (request, reply) => {
    const found = proofs.get(request.params.tid);
    if (found === undefined) return reply.code(404).send({ error: 'none' });
    return reply.type('application/octet-stream').send(Buffer.from(found));
  });
  await app.listen(world.node('coordinator', `coordinator-${index}`).listen);
  onTestFinished(() => app.close());
}
