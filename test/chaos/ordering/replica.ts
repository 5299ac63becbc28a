import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { endWithParent } from '../../../bench/support/end-with-parent.js';
import { batchSigner } from '../../../src/kernel/batch-signer.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { loadCluster } from '../../../src/kernel/config/cluster-file.js';
import { type CoordinatorNode, loadNode } from '../../../src/kernel/config/node-file.js';
import { Driver } from '../../../src/kernel/driver/driver.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import { digest, type ReplicaId } from '../../../src/kernel/ids.js';
import { ed25519Signer, Keyring } from '../../../src/kernel/keys.js';
import { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { openStore, type Store } from '../../../src/kernel/store/store.js';
import { verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import {
  type OrderingInput,
  type OrderingOutput,
  orderingDefaults,
} from '../../../src/ordering/core/engine.js';
import { lostStoreRecord } from '../../../src/ordering/core/lost-store.js';
import {
  decodeOrderingMessage,
  encodeOrderingMessage,
} from '../../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { antipaxosTimeoutMaxMs } from '../../../src/session/node/engine.js';
import { productionEngines } from '../../simulation/ordering/engines.js';
import { SimMachine } from '../../simulation/ordering/machine.js';
import { genuineRequest, isGenuine } from '../../simulation/ordering/requests.js';
import type { AppliedThere, FromReplica, Setup, ToReplica } from './control.js';
import { type Liar, liarOf } from './liar.js';

/** A replica with an ordering engine, as a coordinator runs one: driver, store, links over TLS. */

const stateMs = 200;
const checkpointInterval = 16;
const pipelineDepth = 4;

type Told = Extract<FromReplica, { kind: 'applied' | 'installed' }>;

function tell(message: FromReplica): void {
  process.send?.(message);
}

async function main(setup: Setup): Promise<void> {
  const node = await ownNode(setup.nodeFile);
  const cluster = await loadCluster(join(setup.directory, 'cluster.json'));
  const self = setup.replica as ReplicaId;
  const log = createLogger({ name: node.name, level: 'error' });
  const keyring = Keyring.of(cluster);
  const sign = batchSigner(ed25519Signer(node.statementKey));
  const waiting: Told[] = [];
  const engine = engineOf(setup, cluster, self, sign, waiting);
  let refused = 0;
  const network = new PeerNetwork({
    cluster,
    self,
    listen: node.peerListen,
    credential: node,
    log,
  });
  const liar: Liar | undefined =
    setup.lies.length === 0
      ? undefined
      : liarOf(setup, cluster, ed25519Signer(node.statementKey), (to, bytes) =>
          network.send('ordering', to, bytes),
        );
  const others = cluster.coordinators.map(({ id }) => id).filter((id) => id !== self);
  const driver = new Driver<OrderingInput, OrderingOutput>({
    core: engine,
    store: await ownStore(setup),
    perform,
    log,
    turnEnded: sign.endTurn,
    onFatal: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
  network.attach('ordering', {
    onMessage: (from, bytes) => {
      const message = decodeOrderingMessage(cluster.id, bytes, { mayShare: true });
      const verified = verifyOrderingMessage(keyring, isGenuine, from, message);
      if (!verified.ok) {
        refused += 1;
        return;
      }
      if (liar?.receives(from, message) === false) return;
      driver.submit({ kind: 'peer', message: verified.value, nowMs: performance.now() });
    },
    onUp: (replica) => void driver.submit({ kind: 'peer-up', replica }),
  });
  await driver.start();
  await network.start();
  flush();
  tell({ kind: 'ready' });
  setInterval(() => tell({ kind: 'state', isLost: engine.isLost, refused }), stateMs);
  process.on('message', ({ client, number, text }: ToReplica) => {
    const request = genuineRequest(client, number, text);
    driver.submit({ kind: 'submit', request, nowMs: performance.now() });
  });

  function perform(output: OrderingOutput): void {
    switch (output.kind) {
      case 'send':
        return send([output.to], output.message);
      case 'broadcast':
        return send(others, output.message);
      case 'delivered':
        flush();
        return tell({ kind: 'delivered', position: output.position });
      case 'installed':
        return flush();
      default:
        return;
    }
  }

  function send(to: readonly ReplicaId[], message: OrderingMessage): void {
    if (liar) for (const one of to) liar.send(one, message);
    else {
      const bytes = encodeOrderingMessage(message);
      for (const one of to) network.send('ordering', one, bytes);
    }
  }

  /** What the machine was told is on disk now. */
  function flush(): void {
    for (const told of waiting.splice(0)) tell(told);
  }
}

function engineOf(
  { engine, decisionsBy }: Setup,
  cluster: Cluster,
  self: ReplicaId,
  sign: ReturnType<typeof batchSigner>,
  waiting: Told[],
) {
  const machine = new SimMachine(
    {
      applied: ({ request: { client, number }, ...applied }) => {
        const entry: AppliedThere = { ...applied, client, number };
        const last = waiting.at(-1);
        if (last?.kind === 'applied') waiting[waiting.length - 1] = withEntry(last, entry);
        else waiting.push({ kind: 'applied', entries: [entry] });
      },
      installed: (installed) => void waiting.push({ kind: 'installed', lanes: installed }),
    },
    0,
    engine === 'ezbft',
  );
  const options = {
    ...orderingDefaults,
    cluster: cluster.id,
    resilience: cluster.resilience,
    self,
    sign,
    checkpointInterval,
    pipelineDepth,
    decisionsBy,
    exclusion: 'S1',
    timeoutMaxMs: antipaxosTimeoutMaxMs,
  } as const;
  return productionEngines[engine](options, machine);
}

function withEntry(told: Extract<Told, { kind: 'applied' }>, entry: AppliedThere): Told {
  return { kind: 'applied', entries: [...told.entries, entry] };
}

async function ownNode(file: string): Promise<CoordinatorNode> {
  const node = await loadNode(file);
  if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
  return node;
}

/** One that took the place of a lost one says so before anything else is in it. */
async function ownStore({ store: directory, hasLostStore }: Setup): Promise<Store> {
  const store = await openStore(directory);
  if (hasLostStore && (await store.load()).length === 0) {
    await store.write([lostStoreRecord(digest(randomBytes(32).toString('hex')))]);
  }
  return store;
}

endWithParent();
await main(JSON.parse(process.argv[2] ?? '{}'));
