import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { clusterId, digest } from '../../../src/kernel/ids.js';
import { NodeError } from '../../../src/session/client/session-log.js';
import { SessionNode } from '../../../src/session/client/session-node.js';
import type { SessionId } from '../../../src/session/types.js';

/** Listens and never accepts: once its short queue is full, connecting takes for ever. */
const deafServer = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

describe('sessions at one coordinator', () => {
  const sockets: Socket[] = [];
  let worker: Worker | undefined;
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await worker?.terminate();
  });

  it('does not wait for a machine that is gone as long as undici would', {
    timeout: 9000,
  }, async () => {
    worker = new Worker(deafServer, { eval: true });
    const [port] = (await once(worker, 'message')) as [number];
    for (let count = 0; count < 8; count += 1) {
      sockets.push(connect(port, '127.0.0.1').on('error', () => undefined));
    }
    const node = new SessionNode(clusterId('test'), `http://127.0.0.1:${port}`, 1000);
    const session = digest('0'.repeat(64)) as SessionId;
    const error = await node.status(session, 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NodeError);
    expect(error).toMatchObject({ cause: { code: 'UND_ERR_CONNECT_TIMEOUT' } });
  });
});
