import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { decodeSignedStatement, encodeSigned } from '../../../src/agreement/signing.js';
import type { RegistrationStatement, VoteStatement } from '../../../src/agreement/statements.js';
import {
  clientId,
  participantId,
  type TransactionId,
  transactionId,
} from '../../../src/kernel/ids.js';
import { createStore } from '../../../src/kernel/store/store.js';
import {
  type NumberedCall,
  type Run,
  readCallResponse,
  type ServiceCall,
  serviceActions,
  writeCall,
  writeRun,
} from '../../../src/service/messages.js';
import type { OperationHandlers } from '../../../src/service/participant/operations.js';
import {
  type ParticipantNodeOptions,
  startParticipant,
} from '../../../src/service/participant/participant-node.js';
import type { Resource } from '../../../src/service/participant/resource.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { anonymous, endpoint } from '../../../src/soap/addressing.js';
import type { SoapIdentity } from '../../../src/soap/identity.js';
import type { MessageSigner } from '../../../src/soap/signing.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import {
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  type NotificationName,
  notificationAction,
  readNotification,
  readRegister,
  writeNotification,
  writeRegisterResponse,
} from '../../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  findStatement,
  invitationExtension,
  requestHeader,
  signedRequestHeader,
  transactionIdParameter,
} from '../../../src/transaction/soap/extension.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { until } from '../../kernel/support/wait.js';
import { invitationBy } from '../../support/invitations.js';
import { log, World } from '../../support/nodes/world.js';

export const tid = (number: number): TransactionId =>
  transactionId(`00000000-0000-8000-8000-${String(number).padStart(12, '0')}`);

/** It poses as `bank-a`, which is a participant as any other. */
export const hotel = participantId('bank-a');
export const permitOf = (operation: string, payload = 'null'): ServiceCall => ({
  participant: hotel,
  operation,
  payload,
});

/** What one call at the hotel is made of; what is not given is as it should be. */
export interface CallParts {
  /** Of the transaction, of which the client's request has its timestamp. */
  readonly number?: number;
  readonly call?: Partial<NumberedCall>;
  readonly run?: Partial<Run>;
  /** What is handed on as the client's request; none where it is `null`. */
  readonly warrant?: Uint8Array | null;
  /** The invitation's; none where it is `null`. */
  readonly invitation?: {
    readonly inviter?: number;
    readonly tid?: TransactionId;
    readonly participant?: string;
  } | null;
  readonly hasContext?: false;
  readonly soap?: SoapIdentity;
}

/** A client's Run, or what is said to be one, as it is signed. */
export function signedRun(
  signer: MessageSigner,
  run: Partial<Run>,
  over: { readonly timestamp?: number; readonly client?: string; readonly action?: string } = {},
): Uint8Array {
  const { timestamp = 1, client = 'alice/0', action = serviceActions.run } = over;
  const text = signer.sign({
    version: '1.2',
    addressing: {
      ...{ to: 'http://initiator.test/run', action, replyTo: anonymous },
      messageId: `urn:uuid:${randomUUID()}`,
    },
    headers: [requestHeader({ client: clientId(client), timestamp })],
    body: writeRun({
      ...{ application: 'travel', procedure: 'book', payload: 'null', permits: [], ...run },
    }),
  });
  return Buffer.from(text);
}

interface Told {
  readonly name: NotificationName;
  readonly vote: VoteStatement;
}

/** A real participant of one's own among stub coordinators that take its registrations. */
export class Scene {
  readonly registrations: RegistrationStatement[] = [];
  readonly told: Told[] = [];
  readonly #initiators: readonly SoapIdentity[];
  readonly client: SoapIdentity;

  private constructor(
    readonly world: World,
    readonly dataDir: string,
  ) {
    this.#initiators = [0, 1, 2].map((i) => world.soapOf('initiator', `initiator-${i}`));
    this.client = world.soapOf('client', 'alice');
  }

  static async make(): Promise<Scene> {
    const dataDir = await temporaryDirectory();
    await createStore(join(dataDir, 'store'));
    const scene = new Scene(await World.make(), dataDir);
    for (const replica of [0, 1, 2, 3]) await scene.#serve(replica);
    return scene;
  }

  async start(
    operations: OperationHandlers<TableWork>,
    resource: Resource<TableWork> = new Table({ free: 12 }),
    more: Pick<ParticipantNodeOptions<TableWork>, 'protocol' | 'broker'> = {},
  ) {
    const node = { ...this.world.node('participant', 'bank-a'), dataDir: this.dataDir };
    const onFatal = (error: Error) => {
      throw error;
    };
    const { cluster } = this.world;
    const own = { operations, resource, ...more };
    const running = await startParticipant({ cluster, node, log, onFatal, ...own });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= running.stop();
      return stopped;
    };
    onTestFinished(stop);
    return { ...running, stop };
  }

  /** One initiator's call. Resolves with the result's text; rejects with the fault. */
  async call(initiator: number, parts: CallParts = {}): Promise<string | undefined> {
    const { number = 1, invitation = {}, soap = this.#initiators[initiator] } = parts;
    if (soap === undefined) throw new RangeError('no such initiator');
    const invited =
      invitation &&
      invitationBy(this.world.evidence.of, invitation.inviter ?? initiator, {
        tid: invitation.tid ?? tid(number),
        participant: participantId(invitation.participant ?? hotel),
      });
    const context = contextOf(tid(number), endpoint('http://127.0.0.1:1/registration'), 10_000);
    const extensions = invited ? [invitationExtension(encodeSigned(invited))] : [];
    const { warrant = signedRun(this.client.signer, parts.run ?? {}, { timestamp: number }) } =
      parts;
    const url = this.world.cluster.participants.find(({ id }) => id === hotel)?.url;
    const reply = await soap.client.request(endpoint(`${url}/service`), {
      action: serviceActions.call,
      headers: [
        ...(parts.hasContext === false
          ? []
          : [coordinationContextHeader({ ...context, extensions }, '1.2')]),
        ...(warrant === null ? [] : [signedRequestHeader(warrant)]),
      ],
      body: writeCall({ number: 0, operation: 'reserve', payload: 'null', ...parts.call }),
      timeoutMs: 5000,
    });
    return readCallResponse(reply.body);
  }

  /** The same call by `f + 1` initiators. */
  async calls(parts: CallParts = {}): Promise<string | undefined> {
    const [first] = await Promise.all([this.call(0, parts), this.call(1, parts)]);
    return first;
  }

  /** By `f + 1` coordinators, about all that is registered of the transaction. */
  async notify(name: 'Prepare' | 'Commit' | 'Rollback', number = 1): Promise<void> {
    const of = this.registrations.filter((one) => one.tid === tid(number));
    for (const enlistment of new Set(of.map((one) => one.enlistment))) {
      for (const replica of [0, 1]) {
        const { client } = this.world.soapOf('coordinator', `coordinator-${replica}`);
        const parameters = [transactionIdParameter(tid(number)), enlistmentIdParameter(enlistment)];
        const url = this.world.cluster.participants.find(({ id }) => id === hotel)?.url;
        await client.notify(endpoint(`${url}/participant`, ...parameters), {
          action: notificationAction(name),
          body: writeNotification(name),
          from: endpoint('http://127.0.0.1:1/coordinator'),
        });
      }
    }
  }

  /** Waits until so many of the transaction's enlistments have said so. */
  heard(name: NotificationName, number = 1, count = 1): Promise<void> {
    const of = () => this.told.filter((one) => one.name === name && one.vote.tid === tid(number));
    return until(
      `${name} of ${count}`,
      () => new Set(of().map(({ vote }) => vote.enlistment)).size >= count,
    );
  }

  #serve(replica: number): Promise<void> {
    const { cluster } = this.world;
    const statementIn = (extensions: readonly XmlElement[]) =>
      decodeSignedStatement(cluster.id, findStatement(extensions) ?? new Uint8Array()).statement;
    const note = (name: NotificationName) => ({
      kind: 'one-way' as const,
      handle: ({ body }: { body: XmlElement | undefined }) => {
        const vote = statementIn(readNotification(body, name)) as VoteStatement;
        this.told.push({ name, vote });
      },
    });
    const names = ['Prepared', 'ReadOnly', 'Aborted', 'Committed'] as const;
    return this.world.serve('coordinator', `coordinator-${replica}`, () => ({
      '/registration': {
        wsdl: 'registration',
        operations: {
          [coordinationActions.register]: {
            kind: 'request-reply',
            replyAction: coordinationActions.registerResponse,
            handle: ({ body }) => {
              const statement = statementIn(readRegister(body).extensions);
              this.registrations.push(statement as RegistrationStatement);
              const coordinatorProtocolService = endpoint('http://127.0.0.1:1/coordinator');
              return {
                body: writeRegisterResponse({ coordinatorProtocolService, extensions: [] }),
              };
            },
          },
        },
      },
      '/coordinator': {
        wsdl: 'coordinator',
        operations: Object.fromEntries(names.map((name) => [notificationAction(name), note(name)])),
      },
    }));
  }
}
