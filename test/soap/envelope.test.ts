import { describe, expect, it } from 'vitest';
import {
  type Addressing,
  anonymous,
  endpoint,
  readEndpoint,
  referenceParameterBlocks,
} from '../../src/soap/addressing.js';
import {
  mustUnderstand,
  readEnvelope,
  type SoapMessage,
  writeEnvelope,
} from '../../src/soap/envelope.js';
import { faultBody, faultHeaders, readFault } from '../../src/soap/fault-body.js';
import {
  addressingFaults,
  coordinationFaults,
  httpStatus,
  SoapFault,
  securityFaults,
  soapFaults,
  transactionFaults,
} from '../../src/soap/faults.js';
import { cc, namespaces, type SoapVersion, wscoor } from '../../src/soap/vocabulary.js';
import { attributeOf, element, textOf } from '../../src/soap/xml.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';
import { faultOf } from '../support/signed-messages.js';

const versions: readonly SoapVersion[] = ['1.1', '1.2'];

const tid = 'b0a5bd3e-7e6f-8000-8000-000000000000';

const addressing: Addressing = {
  to: 'http://a.test/x?b=1&c=2',
  action: 'urn:do',
  messageId: 'urn:uuid:1',
  relatesTo: 'urn:uuid:0',
  replyTo: anonymous,
  from: endpoint('http://b.test/', element(cc('TransactionId'), [], tid)),
  faultTo: endpoint('http://c.test/'),
};

const odd = { namespaceURI: 'urn:odd', localName: 'Odd' };

describe.each(versions)('an envelope of SOAP %s', (version) => {
  const context = mustUnderstand(version, element(wscoor('CoordinationContext')));
  const message: SoapMessage = { version, addressing, headers: [context], body: undefined };
  const soapNamespace = version === '1.1' ? namespaces.soap11 : namespaces.soap12;

  it('is read as it was written', () => {
    const read = readEnvelope(writeEnvelope(message));
    expect(read).toMatchObject({ version, body: undefined });
    const { from: sentFrom, ...sent } = addressing;
    const { from, ...others } = read.addressing;
    expect(others).toEqual(sent);
    expect(sentFrom?.address).toBe(from?.address);
    expect(from?.referenceParameters.map(textOf)).toEqual([tid]);
    expect(read.headers.map(({ localName }) => localName)).toEqual(['CoordinationContext']);
  });

  it('needs no addressing where the service needs none', () => {
    const text = `<e:Envelope xmlns:e="${soapNamespace}"><e:Body><a xmlns="urn:a"/></e:Body></e:Envelope>`;
    const read = readEnvelope(text);
    expect(read.addressing.action).toBe('');
    expect(read.body?.namespaceURI).toBe('urn:a');
    expect(writeEnvelope(read)).not.toContain('Header');
  });

  it('is refused with a mandatory header that is not understood', () => {
    const text = writeEnvelope(message);
    expect(faultOf(() => readEnvelope(text, () => false)).data.soapCode).toBe('MustUnderstand');
    const role = version === '1.1' ? 'actor' : 'role';
    const forOther = text.replace('S:mustUnderstand', `S:${role}="urn:other" S:mustUnderstand`);
    expect(readEnvelope(forOther, () => false).headers).toEqual([]);
    const forNext = text.replace(
      'S:mustUnderstand',
      `S:${role}="${version === '1.1' ? 'http://schemas.xmlsoap.org/soap/actor/next' : `${namespaces.soap12}/role/next`}" S:mustUnderstand`,
    );
    expect(() => readEnvelope(forNext, () => false)).toThrow('MustUnderstand');
  });

  it.each([
    ['another root', '<e:Body/>'],
    ['no body', '<e:Envelope/>'],
    ['a header after the body', '<e:Envelope><e:Body/><e:Header/></e:Envelope>'],
    ['two bodies', '<e:Envelope><e:Body/><e:Body/></e:Envelope>'],
    ['text in the body', '<e:Envelope><e:Body>x</e:Body></e:Envelope>'],
    ['two elements in the body', '<e:Envelope><e:Body><a/><b/></e:Body></e:Envelope>'],
    ['no XML', '<e:Envelope>'],
  ])('is refused with %s', (_, text) => {
    const bound = text.replace(/<e:(\w+)/, `<e:$1 xmlns:e="${soapNamespace}"`);
    expect(faultOf(() => readEnvelope(bound)).data.soapCode).toBe('Sender');
  });

  const faults = [
    ...Object.values(coordinationFaults),
    ...Object.values(transactionFaults),
    ...Object.values(addressingFaults),
    ...Object.values(securityFaults),
    soapFaults.versionMismatch,
  ].map((make) => make());
  faults.push(soapFaults.mustUnderstand([odd, { namespaceURI: '', localName: 'Bare' }]));

  it('carries every fault', () => {
    const bank = { namespace: namespaces.bank, code: 'InsufficientFunds', reason: 'too < little' };
    const other = new SoapFault({ soapCode: 'Sender', ...bank, detail: element(cc('Client')) });
    for (const fault of [...faults, other, soapFaults.receiver('r'), soapFaults.sender('s')]) {
      const body = faultBody(version, fault);
      const read = readFault(readEnvelope(writeEnvelope({ ...message, body })));
      const { code, action } = fault;
      const { namespace, reason } = fault.data;
      expect(read).toMatchObject({ code, action, data: { namespace, reason } });
      expect(read?.data.detail?.localName).toBe(fault.data.detail?.localName);
      if (version === '1.2' || namespace === '')
        expect(read?.data.soapCode).toBe(fault.data.soapCode);
    }
  });

  it.skipIf(!standardsPresent)('is valid against the schemas of the standards', async () => {
    const texts = faults.map((fault) =>
      writeEnvelope({
        ...message,
        headers: faultHeaders(version, fault),
        body: faultBody(version, fault),
      }),
    );
    expect(await validateAgainstStandards(texts)).toEqual([]);
  });
});

describe('an envelope of no known version', () => {
  it('is refused as such', () => {
    const text = '<e:Envelope xmlns:e="urn:e"><e:Body/></e:Envelope>';
    expect(faultOf(() => readEnvelope(text)).data.soapCode).toBe('VersionMismatch');
  });
});

describe('a fault', () => {
  it('has the action of the standard that defines it', () => {
    expect(coordinationFaults.invalidState().action).toBe(`${namespaces.wscoor}/fault`);
    expect(transactionFaults.unknownTransaction().action).toBe(`${namespaces.wsat}/fault`);
    expect(addressingFaults.actionNotSupported().action).toBe(`${namespaces.wsa}/fault`);
    expect(securityFaults.failedCheck().action).toBe(`${namespaces.wsa}/soap/fault`);
    expect(soapFaults.mustUnderstand([odd]).action).toBe(`${namespaces.wsa}/soap/fault`);
  });

  it('has an HTTP status', () => {
    expect(httpStatus('1.1', soapFaults.sender('s'))).toBe(500);
    expect(httpStatus('1.2', soapFaults.sender('s'))).toBe(400);
    expect(httpStatus('1.2', soapFaults.receiver('r'))).toBe(500);
    expect(httpStatus('1.2', soapFaults.mustUnderstand([odd]))).toBe(500);
  });

  it('keeps the note for the log', () => {
    const fault = securityFaults.failedCheck('digest');
    expect(fault.message).toContain('digest');
    expect(
      writeEnvelope({ version: '1.2', addressing, headers: [], body: faultBody('1.2', fault) }),
    ).not.toContain('digest');
  });
});

describe('addressing', () => {
  const read = (blocks: string) =>
    readEnvelope(
      `<S:Envelope xmlns:S="${namespaces.soap12}" xmlns:wsa="${namespaces.wsa}"><S:Header>${blocks}</S:Header><S:Body/></S:Envelope>`,
    );

  it.each([
    ['a property twice', '<wsa:To>urn:a</wsa:To><wsa:To>urn:a</wsa:To>'],
    ['an empty property', '<wsa:Action> </wsa:Action>'],
    ['a property with elements', '<wsa:MessageID>a<b/></wsa:MessageID>'],
    ['an endpoint without an address', '<wsa:ReplyTo/>'],
    ['an endpoint with an empty address', '<wsa:ReplyTo><wsa:Address/></wsa:ReplyTo>'],
    ['an empty relation', '<wsa:RelatesTo RelationshipType="urn:other"/>'],
  ])('is refused with %s', (_, blocks) => {
    const fault = faultOf(() => read(blocks));
    expect(fault.is(namespaces.wsa, 'InvalidAddressingHeader')).toBe(true);
  });

  it('is read with relations of any kind, of which the first reply counts', () => {
    const follows = '<wsa:RelatesTo RelationshipType="urn:follows">urn:0</wsa:RelatesTo>';
    const reply = (id: string) => `<wsa:RelatesTo>${id}</wsa:RelatesTo>`;
    expect(read(follows).addressing.relatesTo).toBeUndefined();
    expect(read(follows + reply('urn:1') + reply('urn:2')).addressing.relatesTo).toBe('urn:1');
  });

  it('takes a reference parameter for no property, whatever its name', () => {
    const message = read(
      '<wsa:To wsa:IsReferenceParameter="1">urn:a</wsa:To><wsa:To>urn:b</wsa:To>',
    );
    expect(message.addressing.to).toBe('urn:b');
    expect(message.headers).toHaveLength(1);
  });

  it('echoes reference parameters, marked as such', () => {
    const [parameter] = readEnvelope(
      writeEnvelope({
        version: '1.2',
        addressing: { action: 'urn:do' },
        headers: referenceParameterBlocks(
          readEndpoint(
            element(
              { ns: 'urn:p', prefix: '', name: 'Epr' },
              [],
              element({ ns: namespaces.wsa, prefix: 'wsa', name: 'Address' }, [], 'urn:a'),
              element(
                { ns: namespaces.wsa, prefix: 'wsa', name: 'ReferenceParameters' },
                [],
                element({ ns: 'urn:p', prefix: 'wsa', name: 'Tricky' }, [], 'x'),
              ),
            ),
          ),
        ),
        body: undefined,
      }),
    ).headers;
    expect(parameter?.namespaceURI).toBe('urn:p');
    expect(parameter && attributeOf(parameter, namespaces.wsa, 'IsReferenceParameter')).toBe(
      'true',
    );
  });
});
