import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bankFaults,
  writeGetBalance,
  writeGetBalanceResponse,
  writePosting,
  writePostingResponse,
  writeTransfer,
  writeTransferResponse,
} from '../../src/banking/soap.js';
import { clientId, enlistmentId, transactionId } from '../../src/kernel/ids.js';
import { endpoint } from '../../src/soap/addressing.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { faultBody } from '../../src/soap/fault-body.js';
import { parseXml } from '../../src/soap/parse-xml.js';
import { namespaces } from '../../src/soap/vocabulary.js';
import { element } from '../../src/soap/xml.js';
import {
  contextOf,
  coordinationContextHeader,
  findCoordinationContext,
  type NotificationName,
  readCoordinationContext,
  readCreateCoordinationContext,
  readCreateCoordinationContextResponse,
  readNotification,
  readRegister,
  readRegisterResponse,
  transactionOf,
  writeCreateCoordinationContext,
  writeCreateCoordinationContextResponse,
  writeNotification,
  writeRegister,
  writeRegisterResponse,
} from '../../src/transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  findEnlistmentId,
  findProof,
  findRequestHeader,
  findStatement,
  findTransactionId,
  orderHeader,
  proofExtension,
  requestHeader,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../src/transaction/soap/extension.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';
import { envelopeOf, faultOf, posting, sent, transfer } from './body-harness.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const stranger = element({ ns: 'urn:other', prefix: 'o', name: 'Extra' }, [], 'kept');
const bytes = Uint8Array.of(0, 1, 254, 255);

const registration = endpoint('http://c.test/registration', transactionIdParameter(tid));
const context = { ...contextOf(tid, registration, 30_000), extensions: [stranger] };
describe('WS-Coordination', () => {
  const service = { address: 'http://c.test/registration' };

  it('reads what it writes', () => {
    const create = {
      expiresMs: 0,
      currentContext: context,
      coordinationType: context.coordinationType,
      extensions: [statementExtension(bytes)],
    };
    const request = readCreateCoordinationContext(sent(writeCreateCoordinationContext(create)));
    expect(request).toMatchObject({
      expiresMs: 0,
      currentContext: { identifier: `urn:uuid:${tid}` },
      coordinationType: namespaces.wsat,
    });
    expect(findStatement(request.extensions)).toEqual(Buffer.from(bytes));

    const response = readCreateCoordinationContextResponse(
      sent(
        writeCreateCoordinationContextResponse({ context, extensions: [proofExtension(bytes)] }),
      ),
    );
    expect(response.context).toMatchObject({ expiresMs: 30_000, registrationService: service });
    expect(transactionOf(response.context)).toBe(tid);
    expect(response.context.extensions.map((e) => e.localName)).toEqual(['Extra']);
    expect(findTransactionId(response.context.registrationService.referenceParameters)).toBe(tid);
    expect(findProof(response.extensions)).toEqual(Buffer.from(bytes));
  });

  it.each(['completion', 'durable', 'volatile'] as const)('registers for %s', (protocol) => {
    const participantProtocolService = endpoint(
      'http://b.test/participant',
      enlistmentIdParameter(enlistmentId('D-1')),
    );
    const register = { protocol, participantProtocolService, extensions: [stranger] };
    const read = readRegister(sent(writeRegister(register)));
    expect(read).toMatchObject({ protocol, extensions: [{ localName: 'Extra' }] });
    expect(findEnlistmentId(read.participantProtocolService.referenceParameters)).toBe('D-1');

    const coordinatorProtocolService = registration;
    const response = { coordinatorProtocolService, extensions: [] };
    const answer = readRegisterResponse(sent(writeRegisterResponse(response)));
    expect(answer.coordinatorProtocolService).toMatchObject(service);
  });

  it('finds the context of an application message', () => {
    const header = coordinationContextHeader(context, '1.2');
    const { headers } = readEnvelope(envelopeOf(writePosting(posting), [header]));
    expect(findCoordinationContext(headers)?.expiresMs).toBe(30_000);
    expect(findCoordinationContext([])).toBeUndefined();
    expect(faultOf(() => findCoordinationContext([header, header]))).toBe('InvalidParameters');
  });

  const wrongContexts: [string, (xml: string) => string][] = [
    ['no identifier', (xml) => xml.replace(/<w:Identifier>.*?<\/w:Identifier>/, '')],
    ['an empty identifier', (xml) => xml.replace(/(<w:Identifier>).*?</, '$1<')],
    ['a negative lifetime', (xml) => xml.replace('30000', '-1')],
    ['a lifetime that is no number', (xml) => xml.replace('30000', '3e4')],
    ['a lifetime beyond 32 bits', (xml) => xml.replace('30000', '4294967296')],
    ['no registration service', (xml) => xml.replace(/<w:Reg.*<\/w:RegistrationService>/, '')],
    ['a service without address', (xml) => xml.replace(/<a:Address>.*<\/a:Address>/, '')],
    ['two lifetimes', (xml) => xml.replace(/(<w:Expires>.*<\/w:Expires>)/, '$1$1')],
    ['another order', (xml) => xml.replace(/(<w:Id.*fier>)(<w:Ex.*ires>)/, '$2$1')],
    ['text between', (xml) => xml.replace('<w:Expires>', 'text<w:Expires>')],
    ['an unknown element', (xml) => xml.replace('</w:Co', '<w:Odd/></w:Co')],
    ['elements for a text', (xml) => xml.replace('30000', '<w:Odd/>30000')],
  ];
  it.each(wrongContexts)('refuses a context with %s', (_, change) => {
    const good = `<w:CoordinationContext xmlns:w="${namespaces.wscoor}" xmlns:a="${namespaces.wsa}">\
<w:Identifier>urn:uuid:${tid}</w:Identifier><w:Expires>30000</w:Expires>\
<w:CoordinationType>${namespaces.wsat}</w:CoordinationType>\
<w:RegistrationService><a:Address>http://c.test/</a:Address></w:RegistrationService>\
</w:CoordinationContext>`;
    expect(readCoordinationContext(parseXml(good)).expiresMs).toBe(30_000);
    const wrong = change(good);
    expect(wrong).not.toBe(good);
    expect(faultOf(() => readCoordinationContext(parseXml(wrong)))).toBe('InvalidParameters');
  });

  it('refuses another message, and protocols that it does not know', () => {
    const register = writeRegisterResponse({
      coordinatorProtocolService: registration,
      extensions: [],
    });
    expect(faultOf(() => readRegister(register))).toBe('InvalidParameters');
    expect(faultOf(() => readRegister(undefined))).toBe('InvalidParameters');
    const text = envelopeOf(
      writeRegister({
        protocol: 'durable',
        participantProtocolService: registration,
        extensions: [],
      }),
    ).replace('Durable2PC', 'Triple2PC');
    expect(faultOf(() => readRegister(readEnvelope(text).body))).toBe('InvalidProtocol');
  });

  it('knows only transactions of this kind of cluster', () => {
    expect(faultOf(() => transactionOf({ ...context, identifier: 'urn:x' }))).toBe(
      'InvalidParameters',
    );
    expect(faultOf(() => transactionOf({ ...context, coordinationType: 'urn:x' }))).toBe(
      'InvalidParameters',
    );
  });
});

describe('WS-AtomicTransaction', () => {
  it.each<NotificationName>([
    'Prepare',
    'Prepared',
    'ReadOnly',
    'Aborted',
    'Commit',
    'Rollback',
    'Committed',
  ])('reads and writes %s', (name) => {
    const body = sent(writeNotification(name, stranger, proofExtension(bytes)));
    const extensions = readNotification(body, name);
    expect(extensions.map((e) => e.localName)).toEqual(['Extra', 'Proof']);
    const another = name === 'Commit' ? 'Rollback' : 'Commit';
    expect(faultOf(() => readNotification(body, another))).toBe('InvalidParameters');
  });

  it('refuses content of the same namespace', () => {
    const body = writeNotification('Commit', writeNotification('Rollback'));
    expect(faultOf(() => readNotification(body, 'Commit'))).toBe('InvalidParameters');
  });
});

describe('our own elements', () => {
  it('read what they write', () => {
    const request = { client: clientId('alice/3'), timestamp: Number.MAX_SAFE_INTEGER };
    expect(findRequestHeader([stranger, requestHeader(request)])).toEqual(request);
    expect(findRequestHeader([stranger])).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (any) => {
        const found = findStatement([stranger, statementExtension(any)]);
        expect(found && [...found]).toEqual([...any]);
      }),
    );
  });

  it.each(['AP7+/w=', 'AP7+_w==', 'AP7+/w==AP7+/w==', '', '!', 'AP7+/x=='])(
    'refuse %j, which is not canonical base64',
    (text) => {
      const statement = element(
        { ns: namespaces.concordat, prefix: 'cc', name: 'Statement' },
        [],
        text,
      );
      expect(faultOf(() => findStatement([statement]))).toBe('InvalidParameters');
    },
  );

  it('refuse a second one, and ids that are none', () => {
    const twice = [transactionIdParameter(tid), transactionIdParameter(tid)];
    expect(faultOf(() => findTransactionId(twice))).toBe('InvalidParameters');
    const wrong = element(
      { ns: namespaces.concordat, prefix: 'cc', name: 'EnlistmentId' },
      [],
      '../x',
    );
    expect(faultOf(() => findEnlistmentId([wrong]))).toBe('InvalidParameters');
  });
});

it('every body is valid against its schema', async () => {
  const participantProtocolService = endpoint(
    'http://b.test/p',
    enlistmentIdParameter(enlistmentId('D-1')),
  );
  const extensions = [stranger, statementExtension(bytes)];
  const create = { expiresMs: 1, coordinationType: namespaces.wsat, extensions };
  const bodies = [
    writeCreateCoordinationContext(create),
    writeCreateCoordinationContext({ ...create, currentContext: context }),
    writeCreateCoordinationContextResponse({ context, extensions: [proofExtension(bytes)] }),
    writeRegister({ protocol: 'durable', participantProtocolService, extensions }),
    writeRegisterResponse({ coordinatorProtocolService: registration, extensions: [] }),
    writeNotification('Prepared', ...extensions),
    writeTransfer(transfer),
    writeTransferResponse({ transactionId: tid, outcome: 'aborted', reason: 'x'.repeat(600) }),
    writePosting(posting),
    writePostingResponse('credit'),
    writeGetBalance(posting.account),
    writeGetBalanceResponse({ ...posting, amountMinor: 0 }),
    ...Object.values(bankFaults).map((fault) => faultBody('1.2', fault('alice may not'))),
  ];
  const headers = [
    coordinationContextHeader(context, '1.2'),
    requestHeader({ client: clientId('alice/3'), timestamp: 1 }),
    signedRequestHeader(new Uint8Array([1, 2])),
    orderHeader(new Uint8Array([3])),
  ];
  const errors = await validateAgainstStandards(bodies.map((body) => envelopeOf(body, headers)));
  expect(errors).toEqual([]);
});

it.skipIf(!standardsPresent)('a body that is not so would not pass the check', async () => {
  const wrong = envelopeOf(writeTransfer(transfer)).replace('EUR', 'euro');
  const odd = envelopeOf(writeNotification('Commit', writeNotification('Rollback')));
  for (const text of [wrong, odd]) expect(await validateAgainstStandards([text])).not.toEqual([]);
});
