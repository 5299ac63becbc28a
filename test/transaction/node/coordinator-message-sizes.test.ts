import { expect, it } from 'vitest';
import { encodeCommitCertificate } from '../../../src/agreement/certificate.js';
import { encodeSigned } from '../../../src/agreement/signing.js';
import { requestBytesMax } from '../../../src/banking/initiator/ports.js';
import { accountId, bankActions, currency, writePosting } from '../../../src/banking/soap.js';
import { limits } from '../../../src/kernel/codec/limits.js';
import { type EndpointReference, endpoint, none } from '../../../src/soap/addressing.js';
import { defaultXmlLimits } from '../../../src/soap/parse-xml.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import {
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  notificationAction,
  writeCreateCoordinationContextResponse,
  writeNotification,
  writeRegister,
} from '../../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  invitationExtension,
  proofExtension,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../../src/transaction/soap/extension.js';
import { upTo } from '../../support/evidence.js';
import { invitationsOf } from '../../support/invitations.js';
import { evidence, largestOutcome, largestParties as parties } from '../../support/largest.js';
import { alice, signerOf, testVerifier } from '../../support/signed-messages.js';

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
