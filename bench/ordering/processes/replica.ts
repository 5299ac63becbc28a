import { createPublicKey, hash } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { batchSigner } from '../../../src/kernel/batch-signer.js';
import { loadCluster } from '../../../src/kernel/config/cluster-file.js';
import { type CoordinatorNode, loadNode } from '../../../src/kernel/config/node-file.js';
import { Driver } from '../../../src/kernel/driver/driver.js';
import { createLogger } from '../../../src/kernel/http/logger.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { ed25519Signer, Keyring } from '../../../src/kernel/keys.js';
import { PeerNetwork } from '../../../src/kernel/links/peer-network.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { rememberSent, verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../../../src/ordering/core/engine.js';
import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { FabEngine } from '../../../src/ordering/core/fab/engine.js';
import { PbftEngine } from '../../../src/ordering/core/pbft/engine.js';
import { SequenceEngine } from '../../../src/ordering/core/sequence/engine.js';
import {
  decodeOrderingMessage,
  encodeOrderingMessage,
} from '../../../src/ordering/message-codec.js';
import type { Batch, OrderingRequest } from '../../../src/ordering/types.js';
import { antipaxosTimeoutMaxMs } from '../../../src/session/node/engine.js';
import { endWithParent } from '../../support/end-with-parent.js';
import {
  ClientLink,
  decodeRequests,
  encodeAnswers,
  isShared,
  isSigned,
  saidOf,
} from './client-link.js';
import {
  type FromReplica,
  indexOfClient,
  type ReplicaState,
  type Setup,
  signs,
  type ToReplica,
} from './control.js';

/** Where the normal case is measured, nobody is taken for dead who only waits for a processor. */
const patient = { resendAfterMs: 2000, suspectAfterMs: 20_000 };
const patientMaxMs = 10_000;

/**
 * Counts what it executes, and keeps a digest of its order. A client's requests interfere with its own, and those that
 * touch what is shared with each other.
 */
class CountingMachine implements StateMachine {
  executed = 0;
  protected order = '';

  /** What replicas that have executed as much must agree on. */
  get history(): string {
    return this.order;
  }

  apply(position: number, batch: Batch): void {
    this.executed += batch.length;
    let text = `${this.order} ${position}`;
    for (const { client, number } of batch) text += `${client} ${number}`;
    this.order = hash('sha256', text);
  }

  snapshot(): readonly Uint8Array[] {
    return [Buffer.from(JSON.stringify([this.executed, this.order]))];
  }

  differences(): readonly string[] {
    return ['history'];
  }

  install(snapshot: Uint8Array): void {
    [this.executed, this.order] = JSON.parse(Buffer.from(snapshot).toString());
  }

  interferes(a: OrderingRequest, b: OrderingRequest): boolean {
    return a.client === b.client || (isShared(a) && isShared(b));
  }

  /** Besides the client's, which all engines know. */
  keysOf(request: OrderingRequest): readonly string[] {
    return isShared(request) ? sharedKey : noKeys;
  }
}

const sharedKey = ['shared'];
const noKeys: readonly string[] = [];

/**
 * The same where replicas execute what commutes in different orders: a digest of each client's last request, and of the
 * order of those that touch what is shared.
 */
class CommutingMachine extends CountingMachine {
  readonly #last = new Map<string, number>();

  override apply(_position: number, batch: Batch): void {
    this.executed += batch.length;
    for (const request of batch) {
      const { client, number } = request;
      this.#last.set(client, number);
      if (isShared(request)) this.order = hash('sha256', `${this.order} ${client} ${number}`);
    }
  }

  override get history(): string {
    return hash('sha256', JSON.stringify([this.order, [...this.#last].sort()]));
  }

  override snapshot(): readonly Uint8Array[] {
    const state = [this.executed, this.order, [...this.#last].sort()];
    return [Buffer.from(JSON.stringify(state))];
  }

  override install(snapshot: Uint8Array): void {
    const [executed, order, last] = JSON.parse(Buffer.from(snapshot).toString());
    this.executed = executed;
    this.order = order;
    this.#last.clear();
    for (const [client, number] of last) this.#last.set(client, number);
  }
}

async function main(setup: Setup): Promise<void> {
  const node = await ownNode(setup);
  const cluster = await loadCluster(join(setup.directory, 'cluster.json'));
  const self = (setup.replica ?? 0) as ReplicaId;
  const log = createLogger({ name: node.name, level: 'error' });
  const keyring = Keyring.of(cluster);
  const clientKey = createPublicKey(setup.clientKey);
  const isGenuine = (request: OrderingRequest) =>
    !signs(request.client) || isSigned(clientKey, request);
  const machine = isOneOrder(setup) ? new CountingMachine() : new CommutingMachine();
  const sign = batchSigner(ed25519Signer(node.statementKey));
  const engine = engineOf(setup, machine, {
    ...orderingDefaults,
    ...(setup.exclusion === undefined && patient),
    cluster: cluster.id,
    resilience: cluster.resilience,
    self,
    sign,
    pipelineDepth: setup.depth,
  });
  const links = new Set<ClientLink>();
  /** Requests that the engine had no room for: as many are handed in again as it has executed. */
  const held: OrderingRequest[] = [];
  const network = new PeerNetwork({
    cluster,
    self,
    listen: node.peerListen,
    credential: node,
    log,
  });
  const driver = new Driver<OrderingInput, OrderingOutput>({
    core: engine,
    store: await openStore(join(setup.directory, 'data', `bench-${self}`)),
    perform: (output) => perform(output),
    log,
    turnEnded: sign.endTurn,
    onFatal: (error) => {
      throw error;
    },
  });
  network.attach('ordering', {
    onMessage: (from, bytes) => {
      const message = decodeOrderingMessage(cluster.id, bytes, { mayShare: true });
      const verified = verifyOrderingMessage(keyring, isGenuine, from, message);
      if (!verified.ok) throw new Error(`${message.kind} of ${from}: ${verified.error.code}`);
      driver.submit({ kind: 'peer', message: verified.value, nowMs: performance.now() });
    },
    onUp: (replica) => void driver.submit({ kind: 'peer-up', replica }),
  });
  await driver.start();
  await network.start();
  await listenForClients();
  process.on('message', (message: ToReplica) => {
    if (message.kind === 'tell') tell({ kind: 'told', state: stateOf(engine, machine) });
  });
  tell({ kind: 'ready' });

  function perform(output: OrderingOutput): void {
    switch (output.kind) {
      case 'send':
        return network.send('ordering', output.to, encodeOrderingMessage(output.message));
      case 'broadcast': {
        rememberSent(keyring, output.message);
        return network.broadcast('ordering', encodeOrderingMessage(output.message));
      }
      case 'delivered':
        answer(isOneOrder(setup) ? output.position : 0, 0, output.batch);
        return held.splice(0, output.batch.length).forEach(submit);
      case 'speculated':
        if (setup.early === true) answer(0, saidOf(output.reply.bytes), output.batch);
        return;
      case 'refused':
        if (output.reason === 'busy') held.push(output.request);
        return;
      default:
        return;
    }
  }

  function submit(request: OrderingRequest): void {
    driver.submit({ kind: 'submit', request, nowMs: performance.now() });
  }

  function answer(position: number, said: number, batch: Batch): void {
    const answered = new Uint32Array(2 * batch.length);
    batch.forEach(({ client, number }, index) => {
      answered[2 * index] = indexOfClient(client);
      answered[2 * index + 1] = number;
    });
    const bytes = encodeAnswers({ position, said, answered });
    for (const link of links) link.send(bytes);
  }

  function listenForClients(): Promise<void> {
    const server = createServer((socket) => {
      const link = new ClientLink(socket, (bytes) => {
        for (const request of decodeRequests(bytes)) {
          if (!isGenuine(request)) throw new Error('a request that its client has not signed');
          submit(request);
        }
      });
      links.add(link);
      socket.on('close', () => links.delete(link));
      socket.on('error', () => socket.destroy());
    });
    return new Promise((resolve) =>
      server.listen(node.listen.port, node.listen.host, () => resolve()),
    );
  }
}

async function ownNode({ nodeFiles, replica }: Setup): Promise<CoordinatorNode> {
  const node = await loadNode(nodeFiles[replica ?? 0] ?? '');
  if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
  return node;
}

/** Whether positions are of one order of everything. */
function isOneOrder({ engine }: Setup): boolean {
  return engine !== 'ezbft';
}

function engineOf(
  { engine, exclusion }: Setup,
  machine: StateMachine,
  options: OrderingOptions,
): AntipaxosEngine | EzbftEngine | SequenceEngine {
  if (engine === 'fab') return new FabEngine(options, machine);
  if (engine === 'ezbft') return new EzbftEngine(options, machine);
  return engine === 'pbft'
    ? new PbftEngine(options, machine)
    : new AntipaxosEngine(
        exclusion === undefined
          ? { ...options, exclusion: 'S2', timeoutMaxMs: patientMaxMs }
          : { ...options, exclusion, timeoutMaxMs: antipaxosTimeoutMaxMs },
        machine,
      );
}

function stateOf(
  engine: AntipaxosEngine | EzbftEngine | SequenceEngine,
  machine: CountingMachine,
): ReplicaState {
  const { executed, history } = machine;
  const troubles = troublesOf(engine);
  return { position: (engine as OrderingEngine).position, executed, history, troubles };
}

function troublesOf(engine: AntipaxosEngine | EzbftEngine | SequenceEngine): number {
  if (engine instanceof SequenceEngine) return engine.view;
  return engine instanceof EzbftEngine ? engine.settled : engine.metrics.slowCycles;
}

function tell(message: FromReplica): void {
  process.send?.(message);
}

// The group that started this one is gone.
endWithParent();
await main(JSON.parse(process.argv[2] ?? '{}'));
