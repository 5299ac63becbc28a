import { join } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { ConfigError } from '../../kernel/config/config-error.js';
import { ownMember, type ParticipantNode } from '../../kernel/config/node-file.js';
import { Driver } from '../../kernel/driver/driver.js';
import { Members } from '../../kernel/enrollment/members.js';
import { registerMembers } from '../../kernel/enrollment/members-port.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import type { Logger } from '../../kernel/http/logger.js';
import { unreachable } from '../../kernel/ids.js';
import { Keyring } from '../../kernel/keys.js';
import type { RunningNode } from '../../kernel/running-node.js';
import { openExistingStore, type Store } from '../../kernel/store/store.js';
import { MemberServer } from '../../soap/compact/member-server.js';
import { memberIdentity, wireOf } from '../../soap/identity.js';
import { registerPort, signedSecurity } from '../../soap/server.js';
import { trustOf } from '../../soap/trust.js';
import { MessageVerifier } from '../../soap/verification.js';
import { Checkers } from '../../transaction/checks/checkers.js';
import type { OperationResult, ParticipantOutput } from '../../transaction/participant/messages.js';
import { participantOperations } from './coordinator-port.js';
import type { AnyOperation, OperationHandlers, ServiceOperation } from './operations.js';
import { ParticipantOutbound } from './outbound.js';
import type { Broker } from './outbox/messages.js';
import { OutboxLog } from './outbox/outbox-log.js';
import { outboxPrefix } from './outbox/outbox-records.js';
import { OutboxRelay } from './outbox/relay.js';
import { participantOptions } from './participant-options.js';
import type { Resource } from './resource.js';
import { ResourceRunner, workPrefix } from './resource-runner.js';
import { ServiceCore, type ServiceInput } from './service-core.js';
import { serviceOperations } from './service-port.js';
import { WaitingCalls } from './waiting-calls.js';

/** What a participant of one's own runs with. */
export interface ParticipantNodeOptions<Work> {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** Its private file, as `loadNode` reads it. */
  readonly node: ParticipantNode;
  /** A logger of pino. */
  readonly log: Logger;
  /** The node cannot go on; the process should end. */
  readonly onFatal: (error: Error) => void;
  /** What it does, by the names that procedures call, or for all names. */
  readonly operations: OperationHandlers<Work> | AnyOperation<Work>;
  /** What it keeps its data in. */
  readonly resource: Resource<Work>;
  /**
   * What it registers its calls for; `durable` unless given. A `volatile` participant (WS-AtomicTransaction 1.2 §3.3.1,
   * Volatile2PC), as a cache is one, votes before durable ones are asked to, so what it flushes then is part of what they
   * prepare. It has nothing on record of what it voted for, and may not receive the outcome: killed after its vote it
   * starts with nothing, the transaction ends as the others have it, and where the outcome does not come its resource
   * rolls back.
   */
  readonly protocol?: 'durable' | 'volatile';
  /** Where the messages go that operations send; none can be sent unless it is given. The participant closes it. */
  readonly broker?: Broker;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
}

/** An open enlistment takes some 20 kB, its call's payload included; one that is remembered less than 5. */
const limits = { enlistments: 1024, invitationsPerInitiator: 256 };
/** SOAP requests under way at one port; an initiator's waits until its operation is executed. */
const inFlightMax = 1024;

/**
 * Starts a participant of one's own: `/service` for initiators, `/participant` for coordinators. Registration, votes,
 * signatures, the two-phase commit of the resource, and recovery are done here; the operations do the work. Rejects
 * with `ConfigError` where the node is not a member of the cluster, messages wait in its store and it has no broker, or it
 * is volatile and has one, `StoreError` where its store cannot be opened or is gone, with what the resource rejects with, or where it cannot listen.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 * import { Refusal, startParticipant, Table } from 'concordat/participant';
 * import { pino } from 'pino';
 *
 * const node = await loadNode('.concordat/nodes/hotel.json');
 * if (node.role !== 'participant') throw new Error('not the file of a participant');
 * await startParticipant({
 *   cluster: await loadCluster(node.clusterFile),
 *   node,
 *   log: pino(),
 *   onFatal: () => process.exit(1),
 *   resource: new Table({ free: 12 }),
 *   operations: {
 *     reserve: async (rooms, { client }) => {
 *       const free = Number(await rooms.get('free'));
 *       if (free === 0) throw new Refusal('FullyBooked');
 *       await rooms.set('free', free - 1);
 *       return { room: free, guest: client };
 *     },
 *   },
 * });
 * ```
 */
export async function startParticipant<Work>(
  options: ParticipantNodeOptions<Work>,
): Promise<RunningNode> {
  const { node, log, onFatal, operations, resource, broker, onSent } = options;
  const { protocol = 'durable' } = options;
  if (protocol === 'volatile' && broker !== undefined) throw volatileBroker(node.name);
  const members = await Members.open(options.cluster, node);
  const { cluster } = members;
  const self = ownMember(cluster, node);
  const keyring = Keyring.of(cluster);
  const identity = memberIdentity(cluster, node, log, onSent);
  const { client } = identity;
  const checkers = Checkers.start({ cluster, threads: node.threads, keyring, onFatal });
  const { resendAfterMs, defaultExpiresMs, voteTimeoutMs } = cluster.timing;
  const shared = { log, retryAfterMs: resendAfterMs };
  const { turnEnded, ...participant } = participantOptions(cluster, node, self, limits);
  const core = new ServiceCore(participant);
  const store = await openExistingStore(join(node.dataDir, 'store'));
  const submit = (input: ServiceInput): boolean => driver.submit(input);
  const waiting = new WaitingCalls<OperationResult>({ kind: 'refused', reason: 'Busy' });
  const outbound = new ParticipantOutbound({ cluster, self, client, log, submit });
  const outbox = new OutboxLog(broker !== undefined);
  const drop = (keys: readonly string[]) => submit({ kind: 'drop', keys });
  const relay = broker && new OutboxRelay({ ...shared, outbox, broker, drop });
  const runner = new ResourceRunner({
    ...shared,
    ...{ resource, operations, outbox, submit, cluster: cluster.id },
    callTimeoutMs: voteTimeoutMs,
  });
  const perform = performer(outbound, waiting, runner);
  const driver = new Driver({ core, store, perform, log, onFatal, turnEnded });

  const app = createNodeServer(cluster, self, node, log);
  if (cluster.binding === 'compact') MemberServer.at(app, cluster, node, log);
  registerHealth(app, log, () => ({ ...wireOf(cluster, identity), threads: node.threads ?? 0 }));
  registerMembers(app, members, self, log);
  const common = (path: string) => ({
    path,
    security: signedSecurity(identity, `${self.url}${path}`, checkers),
    client,
    inFlightMax,
    onSent,
  });
  registerPort(app, {
    ...common('/service'),
    wsdl: 'service',
    operations: serviceOperations({
      keyring,
      verifier: new MessageVerifier({ trust: trustOf(cluster), clock: Date.now }),
      participant: self.id,
      protocol,
      defaultExpiresMs,
      ask: (request) => waiting.wait((call) => submit({ ...request, call })),
    }),
  });
  registerPort(app, {
    ...common('/participant'),
    wsdl: 'participant',
    operations: participantOperations(keyring, self.id, submit, log),
  });

  const stop = async () => {
    waiting.dismissAll();
    await app.close();
    await relay?.stop();
    await runner.stop();
    await driver.stop();
    await client.close();
    await checkers?.stop();
  };
  try {
    const [records, messages] = await Promise.all([recordsOf(store), store.load(outboxPrefix)]);
    if (broker === undefined && messages.length > 0) throw noBroker(node.name);
    await driver.start();
    const dropped = await runner.start(records, messages);
    if (dropped.length > 0) drop(dropped);
    relay?.start();
    return { url: await app.listen(node.listen), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function recordsOf(store: Store) {
  const records = await store.load(workPrefix);
  return records.map(({ key, value }) => ({ key: key.slice(workPrefix.length), value }));
}

function volatileBroker(name: string): ConfigError {
  return new ConfigError(
    `${name}: a volatile participant keeps no messages over a restart: leave "broker" out, or "protocol"`,
  );
}

function noBroker(name: string): ConfigError {
  return new ConfigError(
    `${name}: messages wait in the outbox of its store: start it with the broker that they are for`,
  );
}

function performer<Work>(
  outbound: ParticipantOutbound,
  waiting: WaitingCalls<OperationResult>,
  runner: ResourceRunner<Work>,
) {
  return (output: ParticipantOutput<ServiceOperation>): void => {
    switch (output.kind) {
      case 'execute':
        return runner.execute(output.ref, output.operation);
      case 'prepare':
        return runner.prepare(output.ref);
      case 'commit':
        return runner.commit(output.ref);
      case 'roll-back':
        return runner.rollBack(output.ref);
      case 'recover':
        return runner.recover(output);
      case 'answer':
        for (const call of output.calls) waiting.answer(call, output.result);
        return;
      case 'register':
        return outbound.register(output);
      case 'send-vote': {
        // An enlistment may end with its vote: then no outcome comes to it, and no roll back.
        const { tid, enlistment, vote } = output.statement.statement;
        if (vote !== 'prepared') runner.release({ tid, enlistment });
        return outbound.vote(output);
      }
      case 'send-acknowledgement':
        return outbound.outcome(output);
      case 'send-fault':
        return outbound.fault(output);
      default:
        return unreachable(output);
    }
  };
}
