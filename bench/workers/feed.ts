import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { createNodeServer } from '../../src/kernel/http/http-server.js';
import { createLogger } from '../../src/kernel/http/logger.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import type { ChannelHandler } from '../../src/kernel/links/frames.js';
import { soapIdentity } from '../../src/soap/identity.js';
import { registerPort, signedSecurity } from '../../src/soap/server.js';
import { Checkers } from '../../src/transaction/checks/checkers.js';
import { Peers } from '../../src/transaction/coordinator/node/peers.js';
import { completionOperations } from '../../src/transaction/coordinator/node/ports.js';
import { endWithParent } from '../support/end-with-parent.js';
import { ownProcessorMs } from '../support/processor-time.js';
import type { Fed } from './feed-kinds.js';
import { commits, completions, envelopes } from './messages.js';

/** HTTP requests that are under way at a time. */
const requestsAtOnce = 64;
/** Frames that one read of a socket brings, under load. */
const framesAtOnce = 12;
/** Messages that wait for workers; no more are fed meanwhile. */
const waitingMax = 256;

const [directory = '', kind = '', threads = '0', count = '0'] = process.argv.slice(2);
const cluster = await loadCluster(join(directory, 'cluster.json'));
const load = (name: string) => loadNode(join(directory, 'nodes', `${name}.json`));
const [node, initiator, ...others] = await Promise.all(
  ['coordinator-0', 'initiator-0', 'coordinator-1', 'coordinator-2', 'coordinator-3'].map(load),
);
const peers = others.filter((each) => each.role === 'coordinator');
if (node?.role !== 'coordinator' || initiator?.role !== 'initiator')
  throw new Error('the cluster is not as it was made');
const [self] = cluster.coordinators;
if (self === undefined) throw new Error('the cluster has no coordinator');

const keyring = Keyring.of(cluster);
const fail = (error: Error) => {
  throw error;
};
const checkers = Checkers.start({ cluster, threads: Number(threads), keyring, onFatal: fail });
const log = createLogger({ name: node.name, level: 'error' });
let left = 0;
let onAll = () => {};
const submit = () => {
  left -= 1;
  if (left === 0) onAll();
  return true;
};
const feed = kind === 'soap' ? await soapFeed() : peerFeed();

process.on('message', async () => process.send?.(await measured()));
endWithParent();
process.send?.('ready');

async function measured(): Promise<Fed> {
  const start = await feed(Number(count));
  left = Number(count);
  const all = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  const before = { wall: performance.now(), main: mainMs(), all: ownProcessorMs() };
  await start();
  await all;
  return {
    wallMs: performance.now() - before.wall,
    mainMs: mainMs() - before.main,
    allMs: ownProcessorMs() - before.all,
  };
}

/** Processor time of this thread, in nanoseconds where Linux counts it so. */
function mainMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/** Makes messages first; what is returned hands them over. */
type Feed = (count: number) => Promise<() => Promise<void>>;

async function soapFeed(): Promise<Feed> {
  if (node?.role !== 'coordinator' || initiator?.role !== 'initiator' || self === undefined)
    throw new Error('no coordinator');
  const app = createNodeServer(cluster, self, node, log);
  const identity = soapIdentity(cluster, node);
  const path = '/completion';
  const address = `${self.url}${path}`;
  registerPort(app, {
    path,
    wsdl: 'completion',
    operations: completionOperations({
      url: self.url,
      keyring,
      submit,
      ask: () => Promise.reject(new Error('nothing is asked')),
      proofOf: () => Promise.reject(new Error('nothing is proved')),
      mayCall: () => true,
      onFault: () => {},
    }),
    security: signedSecurity(identity, address, checkers),
    client: identity.client,
    inFlightMax: requestsAtOnce,
  });
  await app.ready();
  const headers = {
    'content-type': 'application/soap+xml; charset=utf-8',
    host: new URL(self.url).host,
  };
  return async (messages) => {
    const bodies = envelopes(
      cluster,
      initiator,
      completions(cluster, initiator, address, messages),
    );
    const next = async (): Promise<void> => {
      for (let payload = bodies.pop(); payload !== undefined; payload = bodies.pop()) {
        const { statusCode } = await app.inject({ method: 'POST', url: path, headers, payload });
        if (statusCode !== 202) throw new Error(`status ${statusCode}`);
      }
    };
    return async () => {
      await Promise.all(Array.from({ length: requestsAtOnce }, next));
    };
  };
}

function peerFeed(): Feed {
  if (self === undefined) throw new Error('no coordinator');
  let handler: ChannelHandler | undefined;
  const network = {
    attach: (_channel: string, attached: ChannelHandler) => {
      handler = attached;
    },
    send: () => {},
    broadcast: () => {},
  };
  new Peers({
    ...{ cluster, network, keyring, checkers, log, submit },
    store: { load: async () => [] },
    needs: () => true,
  });
  return async (messages) => {
    const frames = peers.map((each) => commits(cluster, each, Math.ceil(messages / peers.length)));
    return async () => {
      for (let fed = 0; fed < messages; fed += 1) {
        const from = fed % peers.length;
        const bytes = frames[from]?.pop();
        if (bytes) handler?.onMessage((from + 1) as ReplicaId, bytes);
        if (fed % framesAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
        const waiting = () => left - (messages - fed);
        while (waiting() > waitingMax) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
  };
}
