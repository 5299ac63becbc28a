import { signStatement } from '../../agreement/signing.js';
import { batchSigner } from '../../kernel/batch-signer.js';
import type { Cluster } from '../../kernel/cluster.js';
import { type InitiatorNode, ownMember } from '../../kernel/config/node-file.js';
import type { Core } from '../../kernel/core.js';
import { Driver } from '../../kernel/driver/driver.js';
import { Members } from '../../kernel/enrollment/members.js';
import { registerMembers } from '../../kernel/enrollment/members-port.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import { unreachable } from '../../kernel/ids.js';
import { ed25519Signer, Keyring } from '../../kernel/keys.js';
import type { RunningNode } from '../../kernel/running-node.js';
import type { Store } from '../../kernel/store/store.js';
import { loadInitiatorApplications } from '../../service/initiator/applications.js';
import { type DialogueStep, dialogueOperations } from '../../service/initiator/dialogue-port.js';
import type { InitiatorApplication } from '../../service/initiator/procedures.js';
import { runOperations } from '../../service/initiator/run-port.js';
import { MemberServer } from '../../soap/compact/member-server.js';
import { memberIdentity, wireOf } from '../../soap/identity.js';
import { registerPort, signedSecurity } from '../../soap/server.js';
import { Initiator } from '../../transaction/initiator/initiator.js';
import type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../../transaction/initiator/messages.js';
import { type InitiatorCall, Outbound } from './outbound.js';
import {
  completionInitiatorOperations,
  type InitiatorReply,
  type InitiatorRequest,
  orderOperations,
  outcomeOf,
  readRequestHeader,
  transferOperations,
  unlessRefused,
  WaitingClients,
} from './ports.js';

/** What an initiator runs with. */
export interface InitiatorNodeOptions {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** Its private file, as `loadNode` reads it. */
  readonly node: InitiatorNode;
  /** A logger of pino. */
  readonly log: Logger;
  /** The node cannot go on; the process should end. */
  readonly onFatal: (error: Error) => void;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
  /** Applications besides those that its file names. */
  readonly applications?: readonly InitiatorApplication[];
  /** Makes the core; the initiator of the protocol unless given. */
  readonly createCore?: (
    options: InitiatorOptions,
  ) => Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>;
}

/** An open transaction takes some 10 kB; a remembered client less than one. */
const limits = {
  transactions: 1024,
  transactionsOfOneClient: 256,
  sharedLegs: 128,
  clients: 16_384,
  waiters: 4,
};

/** An initiator persists nothing. */
const noStore: Store = {
  load: () => Promise.resolve([]),
  write: () => Promise.reject(new Error('an initiator persists nothing')),
  close: () => Promise.resolve(),
};

/**
 * Starts an initiator replica: `/transfer`, `/run` and `/dialogue` for clients, `/order` and `/completion-initiator` for
 * coordinators.
 * Rejects with `ConfigError` where the node is not a member of the cluster, or where it cannot listen.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 * import { startInitiator } from 'concordat/initiator';
 * import { pino } from 'pino';
 *
 * const node = await loadNode('.concordat/nodes/initiator-0.json');
 * if (node.role !== 'initiator') throw new Error('not the file of an initiator');
 * const cluster = await loadCluster(node.clusterFile);
 * const initiator = await startInitiator({
 *   cluster,
 *   node,
 *   log: pino(),
 *   onFatal: () => process.exit(1),
 * });
 * console.log(`listens at ${initiator.url}`);
 * process.once('SIGTERM', () => void initiator.stop());
 * ```
 */
export async function startInitiator(options: InitiatorNodeOptions): Promise<RunningNode> {
  const { node, log, onFatal, onSent } = options;
  const members = await Members.open(options.cluster, node);
  const { cluster } = members;
  const { createCore = (coreOptions) => new Initiator<InitiatorCall>(coreOptions) } = options;
  const self = ownMember(cluster, node);
  const keyring = Keyring.of(cluster);
  const applications = new Map([
    ...(await loadInitiatorApplications(node.name, node.applications ?? {})),
    ...(options.applications ?? []).map((application) => [application.name, application] as const),
  ]);
  const identity = memberIdentity(cluster, node, log, onSent);
  const { client } = identity;
  const sign = batchSigner(ed25519Signer(node.statementKey));
  const core = createCore({
    id: self.id,
    resilience: cluster.resilience,
    timing: cluster.timing,
    limits,
    fronts: new Set(cluster.fronts.map(({ name }) => name)),
    sign: (statement) => signStatement(sign, cluster.id, statement),
  });

  const waiting = new WaitingClients();
  const occasionally = new OccasionalLog(log);
  const submit = (input: InitiatorInput<InitiatorCall>): boolean => driver.submit(input);
  const outbound = new Outbound({ cluster, self, keyring, client, log, submit });
  const perform = performer(outbound, waiting);
  const { endTurn: turnEnded } = sign;
  const driver = new Driver({ core, store: noStore, perform, log, onFatal, turnEnded });

  const app = createNodeServer(cluster, self, node, log);
  if (cluster.binding === 'compact') MemberServer.at(app, cluster, node, log);
  registerHealth(app, log, () => wireOf(cluster, identity));
  registerMembers(app, members, self, log);
  const security = (path: string) => signedSecurity(identity, `${self.url}${path}`);
  const ask = (request: InitiatorRequest | DialogueStep): Promise<InitiatorReply> =>
    waiting.wait((requestId) => {
      const busy = { kind: 'refusal', code: 'busy' } as const;
      if (!submit({ ...request, requestId })) waiting.answer(requestId, busy);
    });
  registerPort(app, {
    path: '/transfer',
    wsdl: 'transfer',
    security: security('/transfer'),
    operations: transferOperations(cluster, ask),
    inFlightMax: limits.transactions,
    onSent,
  });
  registerPort(app, {
    path: '/run',
    wsdl: 'run',
    security: security('/run'),
    operations: runOperations({
      cluster,
      applications,
      readHeader: readRequestHeader,
      onFailed: ({ application, procedure }, err) => {
        const data = { application, procedure, err };
        occasionally.write('warn', 'procedure-failed', data, `${application}/${procedure}`);
      },
      ask: (request) => outcomeOf(ask, request),
    }),
    inFlightMax: limits.transactions,
    onSent,
  });
  registerPort(app, {
    path: '/dialogue',
    wsdl: 'dialogue',
    security: security('/dialogue'),
    operations: dialogueOperations({
      cluster,
      readHeader: readRequestHeader,
      ask: async (step) => unlessRefused(await ask(step)),
    }),
    inFlightMax: limits.transactions,
    onSent,
  });
  registerPort(app, {
    path: '/order',
    wsdl: 'order',
    security: security('/order'),
    operations: orderOperations(keyring, ask),
    onSent,
  });
  registerPort(app, {
    path: '/completion-initiator',
    wsdl: 'completion-initiator',
    security: security('/completion-initiator'),
    operations: completionInitiatorOperations(keyring, submit, log),
    client,
    onSent,
  });

  await driver.start();
  const url = await app.listen(node.listen);
  return {
    url,
    stop: async () => {
      await driver.stop();
      waiting.dismissAll();
      await app.close();
      await client.close();
    },
  };
}

function performer(outbound: Outbound, waiting: WaitingClients) {
  return (output: InitiatorOutput<InitiatorCall>): void => {
    switch (output.kind) {
      case 'send-activation':
        return outbound.activate(output);
      case 'invoke-leg':
        return outbound.invoke(output);
      case 'send-completion':
        return outbound.complete(output);
      case 'answer':
        return waiting.answer(output.requestId, output.reply);
      default:
        return unreachable(output);
    }
  };
}
