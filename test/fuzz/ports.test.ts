import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { encodeCommitCertificate } from '../../src/agreement/certificate.js';
import { encodeSigned } from '../../src/agreement/signing.js';
import { accountOperations } from '../../src/banking/bank/ports.js';
import { AccountRules } from '../../src/banking/bank/warrants.js';
import {
  completionInitiatorOperations,
  transferOperations,
} from '../../src/banking/initiator/ports.js';
import {
  accountId,
  bankActions,
  currency,
  writeGetBalance,
  writePosting,
  writeTransfer,
} from '../../src/banking/soap.js';
import type { NodeRole } from '../../src/kernel/config/node-file.js';
import { createHttpServer } from '../../src/kernel/http/http-server.js';
import { clientId, participantId } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import { participantOperations } from '../../src/service/participant/coordinator-port.js';
import { anonymous } from '../../src/soap/addressing.js';
import { serialize } from '../../src/soap/canonical.js';
import type { SoapMessage } from '../../src/soap/envelope.js';
import { soapIdentity } from '../../src/soap/identity.js';
import { parseXml, XmlError } from '../../src/soap/parse-xml.js';
import type { Operations } from '../../src/soap/port.js';
import { registerPort } from '../../src/soap/server.js';
import type { MessageSigner } from '../../src/soap/signing.js';
import { httpHeaders } from '../../src/soap/transport.js';
import type { ReceivedMessage } from '../../src/soap/verification.js';
import type { XmlElement } from '../../src/soap/xml.js';
import {
  activationOperations,
  completionOperations,
  coordinatorOperations,
  registrationOperations,
} from '../../src/transaction/coordinator/node/ports.js';
import {
  ATOMIC_TRANSACTION,
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  notificationAction,
  writeCreateCoordinationContext,
  writeNotification,
  writeRegister,
} from '../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  invitationExtension,
  proofExtension,
  requestHeader,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../src/transaction/soap/extension.js';
import { invitationBy } from '../support/invitations.js';
import { signedTransfer } from '../support/nodes/warrants.js';
import { World } from '../support/nodes/world.js';
import { mutateBytes } from './mutate/bytes.js';
import { mutateXml } from './mutate/xml.js';
import { judge } from './soap/judge.js';
import { Random } from './support/random.js';

const world = await World.make();
const { cluster, evidence } = world;
const { tid } = evidence;
const url = 'http://127.0.0.1:1';
const lines: string[] = [];
const signers = new Map<string, MessageSigner>();
const app = serveAll();

interface Seed {
  readonly role: NodeRole;
  readonly name: string;
  readonly path: string;
  readonly action: string;
  readonly body: XmlElement;
  readonly headers?: readonly XmlElement[];
}

const enlistment = evidence.registration('bank-a').statement.enlistment;
const parameters = [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
const certificate = proofExtension(
  encodeCommitCertificate(evidence.decision(evidence.commitValue()).commits),
);
const posting = {
  kind: 'debit',
  account: accountId('alice'),
  amountMinor: 1,
  currency: currency('EUR'),
} as const;
const service = { address: 'http://bank-a.test:8080/participant', referenceParameters: parameters };
const invitation = invitationBy(evidence.of, 0, { tid, participant: participantId('bank-a') });
const context = {
  ...contextOf(tid, service, 30_000),
  extensions: [invitationExtension(encodeSigned(invitation))],
};

/** A true message for each operation. */
const seeds: readonly Seed[] = [
  {
    role: 'initiator',
    name: 'initiator-0',
    path: '/activation',
    action: coordinationActions.createCoordinationContext,
    body: writeCreateCoordinationContext({
      expiresMs: 30_000,
      coordinationType: ATOMIC_TRANSACTION,
      extensions: [statementExtension(encodeSigned(evidence.request(0)))],
    }),
  },
  {
    role: 'participant',
    name: 'bank-a',
    path: '/registration',
    action: coordinationActions.register,
    headers: [transactionIdParameter(tid)],
    body: writeRegister({
      protocol: 'durable',
      participantProtocolService: service,
      extensions: [statementExtension(encodeSigned(evidence.registration('bank-a')))],
    }),
  },
  {
    role: 'initiator',
    name: 'initiator-0',
    path: '/completion',
    action: notificationAction('Commit'),
    headers: [transactionIdParameter(tid)],
    body: writeNotification('Commit', statementExtension(encodeSigned(evidence.completion(0)))),
  },
  {
    role: 'participant',
    name: 'bank-a',
    path: '/coordinator',
    action: notificationAction('Prepared'),
    headers: parameters,
    body: writeNotification('Prepared', statementExtension(encodeSigned(evidence.vote('bank-a')))),
  },
  {
    role: 'initiator',
    name: 'initiator-0',
    path: '/account',
    action: bankActions.debit,
    headers: [
      coordinationContextHeader(context, '1.2'),
      signedRequestHeader(
        signedTransfer(
          signerOf('client', 'alice'),
          { client: clientId('alice/1'), timestamp: 7 },
          {
            debtor: { bank: participantId('bank-a'), account: posting.account },
            creditors: [
              {
                bank: participantId('bank-b'),
                account: accountId('bob'),
                amountMinor: posting.amountMinor,
              },
            ],
            currency: posting.currency,
          },
        ),
      ),
    ],
    body: writePosting(posting),
  },
  {
    role: 'client',
    name: 'alice',
    path: '/account',
    action: bankActions.getBalance,
    body: writeGetBalance(accountId('alice')),
  },
  {
    role: 'coordinator',
    name: 'coordinator-1',
    path: '/participant',
    action: notificationAction('Commit'),
    headers: parameters,
    body: writeNotification('Commit', certificate),
  },
  {
    role: 'coordinator',
    name: 'coordinator-1',
    path: '/completion-initiator',
    action: notificationAction('Committed'),
    headers: [transactionIdParameter(tid)],
    body: writeNotification('Committed', certificate),
  },
  {
    role: 'client',
    name: 'alice',
    path: '/transfer',
    action: bankActions.transfer,
    headers: [requestHeader({ client: clientId('alice/1'), timestamp: 7 })],
    body: writeTransfer({
      debtor: { bank: participantId('bank-a'), account: accountId('alice') },
      creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 1 }],
      currency: currency('EUR'),
    }),
  },
];

describe('every port', () => {
  it('takes the true messages', async () => {
    for (const seed of seeds) {
      const { status } = await send(seed, signed(seed));
      expect(`${seed.action} ${status}`).toMatch(/ 20[02]$/);
    }
  });

  it.each(seeds)(
    '$path $action: answers whatever its members sign, and fails at nothing',
    async (seed) => {
      for (let stream = 0; stream < 150; stream += 1) {
        const random = new Random(1, stream);
        const over = random.oneIn(2)
          ? { body: changed(random, seed.body) }
          : { headers: (seed.headers ?? []).map((block) => changed(random, block)) };
        await expectBorne(seed, signed({ ...seed, ...over }), stream);
      }
    },
  );

  it.each(seeds)('$path $action: refuses what was changed on the way', async (seed) => {
    const text = signed(seed);
    await send(seed, text);
    for (let stream = 0; stream < 50; stream += 1) {
      const random = new Random(2, stream);
      const bytes = random.oneIn(2)
        ? mutateBytes(random, Buffer.from(text))
        : Buffer.from(mutateXml(random, text));
      const { status, answer } = await send(seed, bytes);
      expect(judge({ kind: 'answer', status, text: answer }, { kind: 'refused' }).violation).toBe(
        undefined,
      );
    }
  });

  it('has logged no failure of its own', () => {
    expect(lines.filter((line) => /operation-failed|http-error/.test(line))).toEqual([]);
  });
});

async function expectBorne(seed: Seed, text: string, stream: number): Promise<void> {
  const { status, answer } = await send(seed, text);
  const { violation } = judge({ kind: 'answer', status, text: answer }, { kind: 'any' });
  expect({ stream, violation, answer }).toEqual({ stream, violation: undefined, answer });
}

async function send({ path }: Seed, payload: string | Buffer) {
  const response = await app.inject({
    method: 'POST',
    url: path,
    headers: httpHeaders('1.2', ''),
    payload,
  });
  return { status: response.statusCode, answer: response.body };
}

function signed({ role, name, path, action, body, headers = [] }: Seed): string {
  const messageId = `urn:uuid:${crypto.randomUUID()}`;
  const addressing = { to: `${url}${path}`, action, messageId, replyTo: anonymous };
  const message: SoapMessage = { version: '1.2', addressing, headers, body };
  return signerOf(role, name).sign(message);
}

function changed(random: Random, original: XmlElement): XmlElement {
  for (;;) {
    try {
      return parseXml(mutateXml(random, serialize(original)));
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
    }
  }
}

function signerOf(role: NodeRole, name: string): MessageSigner {
  const known = signers.get(name) ?? soapIdentity(cluster, world.node(role, name)).signer;
  signers.set(name, known);
  return known;
}

/** The ports of all roles on one server; what they hand to their cores is dropped. */
function serveAll(): FastifyInstance {
  const server = createHttpServer({
    log: pino({ level: 'info' }, { write: (line) => lines.push(line) }),
  });
  const { verifier, signer } = soapIdentity(cluster, world.node('coordinator', 'coordinator-0'));
  const keyring = Keyring.of(cluster);
  const log = pino({ level: 'silent' });
  const registered = evidence.registration('bank-a');
  const options = {
    url,
    keyring,
    submit: () => true,
    ask: (input: (replyId: string) => { readonly kind: string }) =>
      Promise.resolve(
        input('1').kind === 'register'
          ? ({ kind: 'registered', replyId: '1', registration: registered.statement } as never)
          : ({ kind: 'activated', replyId: '1', tid, expiresMs: 30_000 } as never),
      ),
    proofOf: () => Promise.resolve(new Uint8Array(1)),
    mayCall: () => true,
    onFault: () => undefined,
  };
  const balance = { account: accountId('alice'), amountMinor: 5, currency: currency('EUR') };
  const reply = { kind: 'outcome', transactionId: tid, outcome: 'committed' } as const;
  const ports: Readonly<Record<string, Operations<ReceivedMessage>>> = {
    '/activation': activationOperations(options),
    '/registration': registrationOperations(options),
    '/completion': completionOperations(options),
    '/coordinator': coordinatorOperations(options),
    '/account': accountOperations({
      keyring,
      verifier,
      rules: new AccountRules([{ account: 'alice' }]),
      participant: participantId('bank-a'),
      defaultExpiresMs: 30_000,
      ask: () => Promise.resolve({ kind: 'done' }),
      balanceOf: () => Promise.resolve(balance),
    }),
    '/participant': participantOperations(keyring, participantId('bank-a'), () => undefined, log),
    '/completion-initiator': completionInitiatorOperations(keyring, () => undefined, log),
    '/transfer': transferOperations(cluster, () => Promise.resolve(reply)),
  };
  for (const [path, operations] of Object.entries(ports)) {
    const security = { kind: 'signed', verifier, signer, address: `${url}${path}` } as const;
    registerPort(server, { path, wsdl: 'account', security, operations });
  }
  return server;
}
