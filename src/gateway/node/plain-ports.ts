import { type ParticipantId, unreachable } from '../../kernel/ids.js';
import { readCall, serviceActions, writeCallResponse } from '../../service/messages.js';
import {
  coordinationFaults,
  SoapFault,
  securityFaults,
  soapFaults,
  transactionFaults,
} from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import { namespaces } from '../../soap/vocabulary.js';
import {
  ATOMIC_TRANSACTION,
  type CoordinationContext,
  contextOf,
  coordinationActions,
  findCoordinationContext,
  notificationAction,
  readCreateCoordinationContext,
  readNotification,
  readRegister,
  transactionFaultAction,
  writeCreateCoordinationContextResponse,
  writeRegisterResponse,
} from '../../transaction/soap/coordination.js';
import { enlistmentKey, peerOf } from '../core/keys.js';
import type {
  ActivityKey,
  CompletionKey,
  EnlistmentKey,
  FromParticipant,
  GatewayAnswer,
  GatewayInput,
} from '../core/messages.js';
import { digestOf, keyIn, newSecret, ownEndpoint, plainEndpoint } from './endpoints.js';
import type { Peers, PlainMessage } from './peers.js';
import type { Question } from './plain-resource.js';

type PlainQuestion = Question<
  Extract<GatewayInput, { kind: 'create' | 'register' | 'invoke' | 'complete' | 'notified' }>
>;

/** What the ports of plain software stand on. */
export interface PlainPorts {
  /** The base address that plain software calls. */
  readonly url: string;
  readonly ask: (question: PlainQuestion) => Promise<GatewayAnswer>;
  readonly newRequest: () => Extract<PlainQuestion, { kind: 'create' }>['request'];
  readonly mayCall: (address: string) => boolean;
  /** Whose an address is. */
  readonly peers: Pick<Peers, 'at'>;
  /** Lifetime of a transaction; no request gets a longer one. */
  readonly expiresMs: number;
}

type PlainOperations = Operations<PlainMessage>;

/** `expiresUnitMs`: what `Expires` counts, in milliseconds; 1000 for software that means seconds. */
export function activationOperations(ports: PlainPorts, expiresUnitMs: number): PlainOperations {
  return {
    [coordinationActions.createCoordinationContext]: {
      kind: 'request-reply',
      replyAction: coordinationActions.createCoordinationContextResponse,
      handle: async ({ body, peer }) => {
        const asked = readCreateCoordinationContext(body);
        if (asked.coordinationType !== ATOMIC_TRANSACTION) {
          throw coordinationFaults.invalidParameters('not an atomic transaction');
        }
        const context =
          asked.currentContext === undefined
            ? await newContext(ports, asked.expiresMs, expiresUnitMs, peer)
            : ownContext(ports, asked.currentContext);
        return { body: writeCreateCoordinationContextResponse({ context, extensions: [] }) };
      },
    },
  };
}

async function newContext(
  ports: PlainPorts,
  expires: number | undefined,
  unitMs: number,
  peer: string | undefined,
): Promise<CoordinationContext> {
  const asked = expires === undefined || expires === 0 ? ports.expiresMs : expires * unitMs;
  const expiresMs = Math.min(asked, ports.expiresMs);
  const activity = `R-${newSecret(peer)}` as ActivityKey;
  const completion = `C-${newSecret(peer)}` as CompletionKey;
  const request = ports.newRequest();
  const answer = await ports.ask({ kind: 'create', activity, completion, request, expiresMs });
  throwIfBusy(answer);
  if (answer.kind !== 'created') throw coordinationFaults.cannotCreateContext();
  const registration = ownEndpoint(`${ports.url}/registration`, activity);
  return contextOf(answer.tid, registration, Math.ceil(expiresMs / unitMs));
}

/** A context of the gateway is its own superior. For a foreign one it would have to be subordinate. */
function ownContext(ports: PlainPorts, current: CoordinationContext): CoordinationContext {
  if (current.registrationService.address !== `${ports.url}/registration`) {
    throw coordinationFaults.cannotCreateContext('the cluster is subordinate to no coordinator');
  }
  return current;
}

export function registrationOperations(ports: PlainPorts): PlainOperations {
  return {
    [coordinationActions.register]: {
      kind: 'request-reply',
      replyAction: coordinationActions.registerResponse,
      handle: async ({ body, headers, version, addressing, peer }) => {
        const { protocol, participantProtocolService: service } = readRegister(body);
        if (!ports.mayCall(service.address)) {
          throw coordinationFaults.invalidParameters('an address that may not be called');
        }
        // Nobody answers for another, nor asks for another's transaction to be completed.
        requireSender(ports.peers.at(service.address), peer);
        if (protocol === 'completion') requireSender(peerOf(keyIn(headers)), peer);
        const to = plainEndpoint(service, version);
        const kind = protocol === 'volatile' ? protocol : 'durable';
        const key = enlistmentKey(kind, newSecret(peer));
        const answer = await ports.ask({
          kind: 'register',
          activity: keyIn(headers) as ActivityKey,
          ...{ protocol, key, endpoint: to, digest: digestOf(key, to) },
          messageId: addressing.messageId ?? newSecret(),
        });
        throwIfBusy(answer);
        if (answer.kind !== 'registered') throw coordinationFaults.cannotRegisterParticipant();
        const path = protocol === 'completion' ? 'completion' : 'coordinator';
        return {
          body: writeRegisterResponse({
            coordinatorProtocolService: ownEndpoint(`${ports.url}/${path}`, answer.key),
            extensions: [],
          }),
        };
      },
    },
  };
}

/** What the client asks for is on disk before it is answered: it does not ask again. */
export function completionOperations(ports: PlainPorts): PlainOperations {
  const operation = (event: 'commit' | 'rollback'): Operation<PlainMessage> => ({
    kind: 'one-way',
    isTakenOnceHandled: true,
    handle: async ({ body, headers, addressing }) => {
      readNotification(body, event === 'commit' ? 'Commit' : 'Rollback');
      const messageId = addressing.messageId ?? '';
      const key = keyIn(headers) as CompletionKey;
      const answer = await ports.ask({ kind: 'complete', key, event, messageId });
      throwIfBusy(answer);
      throwFault(answer);
    },
  });
  return {
    [notificationAction('Commit')]: operation('commit'),
    [notificationAction('Rollback')]: operation('rollback'),
  };
}

export function coordinatorOperations(ports: PlainPorts): PlainOperations {
  const notified = async (headers: PlainMessage['headers'], event: FromParticipant) =>
    ports.ask({ kind: 'notified', key: keyIn(headers) as EnlistmentKey, event });
  const operation = (
    name: 'Prepared' | 'ReadOnly' | 'Aborted' | 'Committed',
    event: FromParticipant,
  ): Operation<PlainMessage> => ({
    kind: 'one-way',
    handle: async ({ body, headers }) => {
      readNotification(body, name);
      throwFault(await notified(headers, event));
    },
  });
  // A participant that gives up has aborted where that is still for it to say.
  const fault: Operation<PlainMessage> = {
    kind: 'one-way',
    handle: async ({ headers }) => void (await notified(headers, 'aborted')),
  };
  return {
    [notificationAction('Prepared')]: operation('Prepared', 'prepared'),
    [notificationAction('ReadOnly')]: operation('ReadOnly', 'readOnly'),
    [notificationAction('Aborted')]: operation('Aborted', 'aborted'),
    [notificationAction('Committed')]: operation('Committed', 'committed'),
    [transactionFaultAction]: fault,
    [coordinationActions.fault]: fault,
  };
}

/** Calls of one participant of the cluster, within the transaction of the context that comes with them. */
export function callOperations(ports: PlainPorts, participant: ParticipantId): PlainOperations {
  return {
    [serviceActions.call]: {
      kind: 'request-reply',
      replyAction: serviceActions.callResponse,
      handle: async ({ headers, body }) => {
        const context = findCoordinationContext(headers);
        if (context === undefined) throw soapFaults.sender('The CoordinationContext is missing.');
        const { number, operation, payload } = readCall(body);
        const activity = keyIn(context.registrationService.referenceParameters) as ActivityKey;
        const answer = await ports.ask({
          kind: 'invoke',
          ...{ activity, service: { participant, operation, payload } },
          messageId: `${participant}/${number}`,
        });
        return { body: writeCallResponse(resultOf(answer)) };
      },
    },
  };
}

function resultOf(answer: GatewayAnswer): string {
  if (answer.kind === 'done') return answer.result;
  throwIfBusy(answer);
  if (answer.kind === 'refused') throw coordinationFaults.invalidState();
  const code = answer.kind === 'no' ? answer.reason : 'Refused';
  const reason = 'The participant refused it.';
  throw new SoapFault({ soapCode: 'Sender', namespace: namespaces.concordat, code, reason });
}

/** Nothing came of the message. A signed one is taken once all the same: its id is remembered before it is handled. */
function throwIfBusy(answer: GatewayAnswer): void {
  if (answer.kind !== 'refused' || answer.reason !== 'busy') return;
  throw soapFaults.receiver('The gateway takes nothing now; send it again with a new MessageID.');
}

function throwFault(answer: GatewayAnswer): void {
  if (answer.kind !== 'fault') return;
  switch (answer.fault) {
    case 'InvalidState':
      throw coordinationFaults.invalidState();
    case 'UnknownTransaction':
      throw transactionFaults.unknownTransaction();
    default:
      return unreachable(answer.fault);
  }
}

/** What a key was made for, it is used for by its own peer, signed; or by nobody who signs. */
export function requireOwnKey({ headers, peer }: Pick<PlainMessage, 'headers' | 'peer'>): void {
  requireSender(peerOf(keyIn(headers)), peer);
}

function requireSender(expected: string | undefined, peer: string | undefined): void {
  if (expected === peer) return;
  throw securityFaults.failedAuthentication(
    expected === undefined ? `"${peer}" signs for another` : `not signed by "${expected}"`,
  );
}
