import { expect, it } from 'vitest';
import { type EndpointReference, endpoint, none } from '../../src/edge/soap/addressing.js';
import { accountId, bankActions, currency, writePosting } from '../../src/edge/soap/banking.js';
import {
  enlistmentIdParameter,
  invitationExtension,
  proofExtension,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../src/edge/soap/extension.js';
import { defaultXmlLimits } from '../../src/edge/soap/parse-xml.js';
import { notificationAction, writeNotification } from '../../src/edge/soap/wsat.js';
import {
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  writeCreateCoordinationContextResponse,
  writeRegister,
} from '../../src/edge/soap/wscoor.js';
import type { XmlElement } from '../../src/edge/soap/xml.js';
import { requestBytesMax } from '../../src/role/initiator/ports.js';
import { encodeCommitCertificate, encodeSigned, limits } from '../../src/wire/index.js';
import { upTo } from '../support/evidence.js';
import { invitationsOf } from '../support/invitations.js';
import {
  largestEvidence as evidence,
  largestOutcome,
  largestParties as parties,
} from '../support/largest.js';
import { alice, signerOf, testVerifier } from '../support/signed-messages.js';

const { tid } = evidence;
const [record] = largestOutcome(1).records;
if (record?.vote === undefined) throw new Error('an outcome without votes');
const { registration, vote } = record;
const { enlistment, participant } = registration.statement;
const parameters = [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
const url = `http://node.test/${'x'.repeat(limits.addressBytes - 28)}`;
const service = (path: string): EndpointReference => endpoint(`${url}/${path}`, ...parameters);
const replicas = upTo(limits.replicas);
const activated = evidence.phase('commit', evidence.activationValue());
const proof = proofExtension(encodeCommitCertificate(evidence.certificate(activated, replicas)));
const context = contextOf(tid, service('registration'), Number.MAX_SAFE_INTEGER);
const statementsOf = (count: number) =>
  upTo(count).map((index) => statementExtension(encodeSigned(evidence.completion(index))));
const [invitation] = invitationsOf(parties, { tid, participant, places: 1 });
if (invitation === undefined) throw new Error('no invitation');
const invited = { ...context, extensions: [invitationExtension(encodeSigned(invitation))] };

interface Content {
  readonly action: string;
  readonly body: XmlElement;
  readonly headers?: readonly XmlElement[];
}

it.each<[string, Content]>([
  [
    'Register',
    {
      action: coordinationActions.register,
      body: writeRegister({
        protocol: 'durable',
        participantProtocolService: service('participant'),
        extensions: [statementExtension(encodeSigned(registration))],
      }),
    },
  ],
  [
    'CreateCoordinationContextResponse',
    {
      action: coordinationActions.createCoordinationContextResponse,
      body: writeCreateCoordinationContextResponse({ context, extensions: [proof] }),
    },
  ],
  [
    'Prepare',
    {
      action: notificationAction('Prepare'),
      body: writeNotification('Prepare', ...statementsOf(parties.cluster.initiators.length)),
    },
  ],
  [
    'Commit',
    {
      action: notificationAction('Commit'),
      body: writeNotification('Commit', proof, statementExtension(encodeSigned(vote))),
    },
  ],
  [
    'Debit',
    {
      action: bankActions.debit,
      headers: [
        coordinationContextHeader(invited, '1.2'),
        signedRequestHeader(new Uint8Array(requestBytesMax)),
      ],
      body: writePosting({
        kind: 'debit',
        account: accountId('a'.repeat(63)),
        amountMinor: Number.MAX_SAFE_INTEGER,
        currency: currency('EUR'),
      }),
    },
  ],
])('the largest %s is far below what a node reads, and is read', (name, content) => {
  const messageId = `urn:uuid:${name}`;
  const text = signerOf(alice).sign({
    version: '1.2',
    addressing: {
      ...{ to: `${url}/service`, action: content.action, messageId },
      ...{ from: service('coordinator'), replyTo: none },
    },
    headers: [...parameters, ...(content.headers ?? [])],
    body: content.body,
  });
  expect(text.length).toBeLessThan(defaultXmlLimits.length / 8);
  expect(testVerifier().verify(text).addressing.messageId).toBe(messageId);
});
