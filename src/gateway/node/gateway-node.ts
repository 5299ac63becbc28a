import { join } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { type GatewayNode, ownMember } from '../../kernel/config/node-file.js';
import { Driver } from '../../kernel/driver/driver.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import type { Logger } from '../../kernel/http/logger.js';
import { unreachable } from '../../kernel/ids.js';
import type { RunningNode } from '../../kernel/running-node.js';
import { openExistingStore } from '../../kernel/store/store.js';
import { DialogueClient } from '../../service/client/dialogue-client.js';
import { startParticipant } from '../../service/participant/participant-node.js';
import { WaitingCalls } from '../../service/participant/waiting-calls.js';
import type { Understood } from '../../soap/envelope.js';
import { PlainClient } from '../../soap/plain-client.js';
import type { Operations } from '../../soap/port.js';
import { registerJudgedPort } from '../../soap/server.js';
import { namespaces } from '../../soap/vocabulary.js';
import type { WsdlName } from '../../soap/wsdl.js';
import { isNamed } from '../../soap/xml.js';
import type { CallId } from '../../transaction/participant/messages.js';
import { refused } from '../core/answers.js';
import { Gateway } from '../core/gateway.js';
import type {
  GatewayAnswer,
  GatewayInput,
  GatewayLimits,
  GatewayOutput,
} from '../core/messages.js';
import { Dialogues } from './dialogues.js';
import { addressesOf } from './origins.js';
import { Outbox } from './outbox.js';
import { loadPeers, type Peers, type PlainMessage } from './peers.js';
import {
  activationOperations,
  callOperations,
  completionOperations,
  coordinatorOperations,
  type PlainPorts,
  registrationOperations,
  requireOwnKey,
} from './plain-ports.js';
import { enlistOperation, PlainResource, type Question } from './plain-resource.js';
import { loadPlainTls } from './plain-tls.js';
import { Results } from './results.js';

/** What a gateway runs with. */
export interface GatewayNodeOptions {
  readonly cluster: Cluster;
  readonly node: GatewayNode;
  readonly log: Logger;
  /** The node cannot go on; the process should end. */
  readonly onFatal: (error: Error) => void;
  /** Sees every envelope that it sends. */
  readonly onSent?: (text: string) => void;
}

/** What one gateway keeps. An activity takes some 4 kB, and each of its participants 2. */
export const gatewayLimits: GatewayLimits = {
  activities: 512,
  activitiesOfPeer: 128,
  ended: 2048,
  calls: 32,
  volatile: 32,
  left: 2048,
  repetitions: 12,
};
/** Where there are few senders each has an even part of the activities. */
export function limitsFor(senders: number): GatewayLimits {
  const { activities, activitiesOfPeer } = gatewayLimits;
  const even = Math.floor(activities / Math.max(1, senders));
  return { ...gatewayLimits, activitiesOfPeer: Math.max(activitiesOfPeer, even) };
}

/** Messages of plain software under way at one port. */
const inFlightMax = 256;

const times = { resendAfterMs: 5000, tellAfterMs: 25_000, keptMs: 600_000 };
const milliseconds = 1;
const seconds = 1000;

/**
 * Starts a gateway: to plain WS-AtomicTransaction software a coordinator, to the cluster a client and a participant.
 * Plain software is served at `plain.url` of the node file. Rejects as `startParticipant` does.
 */
export async function startGateway(options: GatewayNodeOptions): Promise<RunningNode> {
  const { cluster, node, log, onFatal, onSent } = options;
  const self = ownMember(cluster, node);
  const [tls, peers] = await Promise.all([loadPlainTls(node.plain, log), loadPeers(node.plain)]);
  const { timing } = cluster;
  const client = new DialogueClient({
    cluster,
    node: node.client,
    ...(onSent && { onSent }),
  });
  const addresses = addressesOf(cluster, node.plain);
  const plain = new PlainClient({
    ...{ addresses, onSent, tls: tls?.client },
    write: (message, address) => peers.write(message, address),
  });
  const waiting = new WaitingCalls<GatewayAnswer>(refused('busy'));
  const submit = (input: GatewayInput): boolean => driver.submit(input);
  const ask = (question: Question<Extract<GatewayInput, { readonly call: CallId }>>) =>
    waiting.wait((call) => !isStopping && submit({ ...question, call }));
  let isStopping = false;
  const results = new Results<GatewayInput>(submit);
  const submitResult = (input: GatewayInput) => results.give(input);
  const dialogues = new Dialogues({ client, timing, log, submit: submitResult });
  const outbox = new Outbox({
    client: plain,
    coordinator: `${node.plain.url}/coordinator`,
    told: (activity, isTaken) => submitResult({ kind: 'told', activity, isTaken }),
    log,
  });
  const { voteTimeoutMs, defaultExpiresMs } = timing;
  const core = new Gateway({
    participant: self.id,
    timing: { ...times, voteTimeoutMs },
    limits: limitsFor(peers.senders),
  });
  const store = await openExistingStore(join(node.dataDir, 'gateway'));
  const perform = performer(waiting, dialogues, outbox);
  const driver = new Driver({ core, store, perform, log, onFatal });

  const app = createNodeServer(cluster, { url: node.plain.url }, node.plain, log, tls?.server);
  registerHealth(app, log);
  registerPlainPorts(app, options, plain, peers, {
    peers,
    url: node.plain.url,
    ask,
    newRequest: () => client.next().request,
    mayCall: (address) => plain.mayCall(address),
    expiresMs: defaultExpiresMs,
  });
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    isStopping = true;
    waiting.dismissAll();
    dialogues.stop();
    results.stop();
    await app.close();
    await Promise.all(running.map((each) => each.stop()));
    await driver.stop();
    await Promise.all([client.close(), plain.close()]);
  };
  try {
    // What is sent at the start may be answered at once.
    await app.listen(node.plain.listen);
    await driver.start();
    const participant = await startParticipant({
      ...{ cluster, log, onFatal, ...(onSent && { onSent }) },
      node: { ...node, role: 'participant', accounts: [] },
      resource: new PlainResource(ask),
      operations: enlistOperation(ask, node.client.name),
    });
    running.push(participant);
    return { url: participant.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function registerPlainPorts(
  app: ReturnType<typeof createNodeServer>,
  { cluster, node, onSent }: GatewayNodeOptions,
  client: PlainClient,
  peers: Peers,
  ports: PlainPorts,
): void {
  const register = (
    path: string,
    wsdl: WsdlName,
    operations: Operations<PlainMessage>,
    check: (message: PlainMessage) => void = () => undefined,
    understood: Understood = () => false,
  ): void => {
    const isOwn = (to: string) =>
      to === `${ports.url}${path}` || app.ownAddresses?.owns(to, path) === true;
    registerJudgedPort(app, {
      ...{ path, wsdl, operations, client, inFlightMax, onSent },
      security: {
        kind: 'judged',
        read: (envelope, text) => peers.read(envelope, text, understood),
        write: (reply, asked) => peers.answer(reply, asked),
        checkAddressing: (message) => {
          peers.checkAddressing(message, isOwn);
          check(message);
        },
      },
    });
  };
  register('/activation', 'activation', activationOperations(ports, milliseconds));
  register('/activation-in-seconds', 'activation', activationOperations(ports, seconds));
  register('/registration', 'registration', registrationOperations(ports));
  register('/completion', 'completion', completionOperations(ports), requireOwnKey);
  register('/coordinator', 'coordinator', coordinatorOperations(ports), requireOwnKey);
  const takesContexts: Understood = (block) =>
    isNamed(block, namespaces.wscoor, 'CoordinationContext');
  for (const { id, name } of cluster.participants) {
    if (name === node.name) continue;
    const calls = callOperations(ports, id);
    register(`/participants/${name}`, 'service', calls, () => undefined, takesContexts);
  }
}

function performer(waiting: WaitingCalls<GatewayAnswer>, dialogues: Dialogues, outbox: Outbox) {
  return (output: GatewayOutput): void => {
    switch (output.kind) {
      case 'answer':
        return waiting.answer(output.call, output.answer);
      case 'begin':
        return dialogues.begin(output);
      case 'call':
        return dialogues.call(output);
      case 'finish':
        return dialogues.finish(output);
      case 'leave':
        return dialogues.leave(output.activity);
      case 'send':
        return outbox.send(output);
      case 'tell':
        return void outbox.tell(output);
      default:
        return unreachable(output);
    }
  };
}
