import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { decodeDecisionProof, encodeCommitCertificate } from '../../agreement/certificate.js';
import { SHOWN_TRANSACTIONS_MAX } from '../../agreement/core/abstentions.js';
import type { PeerMessage } from '../../agreement/messages.js';
import { batchSigner } from '../../kernel/batch-signer.js';
import type { Cluster } from '../../kernel/cluster.js';
import { type CoordinatorNode, ownMember } from '../../kernel/config/node-file.js';
import type { Core } from '../../kernel/core.js';
import { costs } from '../../kernel/costs.js';
import { Driver } from '../../kernel/driver/driver.js';
import { Members } from '../../kernel/enrollment/members.js';
import { registerMembers } from '../../kernel/enrollment/members-port.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import { type Logger, logHealth } from '../../kernel/http/logger.js';
import { type ClusterId, transactionId } from '../../kernel/ids.js';
import { ed25519Signer, Keyring } from '../../kernel/keys.js';
import { PeerNetwork } from '../../kernel/links/peer-network.js';
import type { RunningNode } from '../../kernel/running-node.js';
import { openStore, type Store } from '../../kernel/store/store.js';
import { MemberServer } from '../../soap/compact/member-server.js';
import { readFault } from '../../soap/fault-body.js';
import { coordinationFaults } from '../../soap/faults.js';
import { memberIdentity, wireOf } from '../../soap/identity.js';
import type { Operations } from '../../soap/port.js';
import { registerPort, signedSecurity } from '../../soap/server.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import type { WsdlName } from '../../soap/wsdl.js';
import { Checkers } from '../../transaction/checks/checkers.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../transaction/coordinator/core/messages.js';
import { Decisions, storedDecision } from '../../transaction/coordinator/node/decisions.js';
import { Notices } from '../../transaction/coordinator/node/notices.js';
import { Latencies, Peers } from '../../transaction/coordinator/node/peers.js';
import {
  activationOperations,
  completionOperations,
  coordinatorOperations,
  type PortsOptions,
  registrationOperations,
} from '../../transaction/coordinator/node/ports.js';
import { PendingReplies, type PortAnswer } from '../../transaction/coordinator/node/replies.js';
import { openSessions } from './open-sessions.js';

/** What runs as a coordinator core. */
export type CoordinatorLike = Core<CoordinatorInput, CoordinatorOutput> &
  Pick<CoordinatorCore, 'needs'> & {
    /** Figures for the status page. */
    readonly status: object;
  };

export interface CoordinatorNodeOptions {
  readonly cluster: Cluster;
  readonly node: CoordinatorNode;
  readonly log: Logger;
  /** The node cannot go on; the process should end. */
  readonly onFatal: (error: Error) => void;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
  /** Makes the core; the coordinator of the protocol unless given. */
  readonly createCore?: (options: CoordinatorOptions) => CoordinatorLike;
}

/** A request that was not answered in so long never will be: its initiator asked elsewhere. */
const REPLY_TIMEOUT_MS = 10_000;
/** SOAP requests under way at one port. */
const IN_FLIGHT_MAX = 2048;

/**
 * Starts a coordinator replica. Rejects with `ConfigError` where the node is not a member of the
 * cluster, `StoreError` where its store cannot be opened, or where it cannot listen.
 */
export async function startCoordinator(options: CoordinatorNodeOptions): Promise<RunningNode> {
  const { node, log, onFatal, onSent } = options;
  const members = await Members.open(options.cluster, node);
  const { cluster } = members;
  const self = ownMember(cluster, node);
  const keyring = Keyring.of(cluster);
  const identity = memberIdentity(cluster, node, log, onSent);
  const { createCore = (coreOptions) => new CoordinatorCore(coreOptions) } = options;
  const sign = batchSigner(ed25519Signer(node.statementKey));
  const core = createCore({
    cluster: cluster.id,
    resilience: cluster.resilience,
    agreement: cluster.agreement,
    self: self.id,
    initiators: cluster.initiators.map(({ id }) => id),
    ...cluster.timing,
    retainedTransactions: cluster.retainedTransactions,
    owedTransactions: cluster.owedTransactions,
    shownTransactions: SHOWN_TRANSACTIONS_MAX,
    entropy: randomBytes(32),
    sign,
  });

  const store = await openStore(join(node.dataDir, 'store'));
  const decisions = new Decisions(cluster.id, store);
  const latencies = new Latencies();
  const occasionally = new OccasionalLog(log);
  const checkers = Checkers.start({ cluster, threads: node.threads, keyring, onFatal });
  const submit = (input: CoordinatorInput): boolean => {
    latencies.onInput(input);
    return driver.submit(input);
  };
  const pending = new PendingReplies(REPLY_TIMEOUT_MS);
  const notices = new Notices(cluster, self, identity.client, log);
  const needs = (message: PeerMessage): boolean => core.needs(message);
  const network = new PeerNetwork({
    cluster,
    self: self.id,
    listen: node.peerListen,
    credential: node,
    log,
  });
  const common = { cluster, network, keyring, store, checkers, log };
  const peers = new Peers({ ...common, needs, submit });
  const performOutput = performer({ peers, notices, pending, decisions });
  const perform = (output: CoordinatorOutput): void => {
    latencies.onOutput(output);
    performOutput(output);
  };
  const driver = new Driver({ core, store, perform, log, onFatal, turnEnded: sign.endTurn });

  const app = createNodeServer(cluster, self, node, log);
  if (cluster.binding === 'compact') MemberServer.at(app, cluster, node, log);
  const { client } = identity;
  const own = { cluster, self, keyring, network, client, decisions };
  const sessions = await openSessions({ ...options, ...own });
  registerHealth(app, log, () => ({
    ...core.status,
    ...(sessions && { sessions: sessions.state }),
  }));
  registerMembers(app, members, self, log);
  registerPublicPages(app, store, () => ({
    name: node.name,
    ...core.status,
    ...wireOf(cluster, identity),
    threads: node.threads ?? 0,
    ...logHealth(log),
    latency: latencies.figures,
    costs,
    ...(sessions && { sessions: sessions.status }),
  }));
  sessions?.register(app);
  const ports: PortsOptions = {
    url: self.url,
    keyring,
    submit,
    ask: (input) => pending.wait((replyId) => submit(input(replyId))),
    proofOf: (answer) => proofOf(cluster.id, store, answer),
    mayCall: (address) => identity.client.mayCall(address),
    onFault: (message) => {
      const fault = readFault(message)?.code;
      occasionally.write('warn', 'fault-received', { from: message.principal.name, fault });
    },
  };
  const serve = (path: string, wsdl: WsdlName, operations: Operations<ReceivedMessage>) =>
    registerPort(app, {
      path,
      wsdl,
      operations,
      security: signedSecurity(identity, `${self.url}${path}`, checkers),
      client: identity.client,
      inFlightMax: IN_FLIGHT_MAX,
      onSent,
    });
  serve('/activation', 'activation', activationOperations(ports));
  serve('/registration', 'registration', registrationOperations(ports));
  serve('/completion', 'completion', completionOperations(ports));
  serve('/coordinator', 'coordinator', coordinatorOperations(ports));

  await driver.start();
  await sessions?.start();
  await network.start();
  const url = await app.listen(node.listen);
  return {
    url,
    stop: async () => {
      pending.failAll();
      sessions?.dismissCallers();
      await app.close();
      await network.stop();
      await sessions?.stop();
      await driver.stop();
      await identity.client.close();
      await checkers?.stop();
    },
  };
}

interface Performers {
  readonly peers: Peers;
  readonly notices: Notices;
  readonly pending: PendingReplies;
  readonly decisions: Decisions;
}

function performer({ peers, notices, pending, decisions }: Performers) {
  return (output: CoordinatorOutput): void => {
    switch (output.kind) {
      case 'send':
      case 'broadcast':
      case 'send-proof':
        return peers.send(output);
      case 'activated':
      case 'registered':
        return pending.answer(output);
      case 'refused': {
        const { replyId, fault, reason } = output;
        return pending.fail(replyId, refusalFaults[fault](reason));
      }
      case 'decided':
        return decisions.onDecided(output.proof);
      case 'persist':
      case 'start-timer':
      case 'stop-timer':
      case 'log':
        return;
      default:
        return notices.send(output);
    }
  };
}

const refusalFaults = {
  CannotCreateContext: coordinationFaults.cannotCreateContext,
  CannotRegisterParticipant: coordinationFaults.cannotRegisterParticipant,
  TooOld: coordinationFaults.tooOld,
  TimestampTaken: coordinationFaults.timestampTaken,
} as const;

/** The certificate of the decision that the core has at hand, or else of the stored one. */
async function proofOf(
  cluster: ClusterId,
  store: Store,
  { proof, slot }: Extract<PortAnswer, { kind: 'activated' }>,
): Promise<Uint8Array> {
  if (proof) return encodeCommitCertificate(proof.commits);
  const stored = await storedDecision(store, slot);
  if (!stored) throw coordinationFaults.tooOld('the transaction is long over');
  return encodeCommitCertificate(decodeDecisionProof(cluster, stored).commits);
}

/** Serves `/status`, figures as JSON, and `/proof/:tid`, the outcome's proof as it can be verified offline. */
function registerPublicPages(app: FastifyInstance, store: Store, status: () => object): void {
  app.get('/status', () => status());
  app.get<{ Params: { tid: string } }>('/proof/:tid', async (request, reply) => {
    const tid = parseTransactionId(request.params.tid);
    if (!tid) return reply.code(400).send({ error: 'not a transaction id' });
    const stored = await storedDecision(store, { kind: 'outcome', tid });
    if (!stored) return reply.code(404).send({ error: 'no outcome of this transaction here' });
    return reply.type('application/octet-stream').send(Buffer.from(stored));
  });
}

function parseTransactionId(text: string) {
  try {
    return transactionId(text);
  } catch {
    return undefined;
  }
}
