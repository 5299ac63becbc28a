import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createClientAsync } from 'soap';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bankActions,
  bankFaults,
  readTransfer,
  type Transfer,
  totalMinor,
  writeTransferResponse,
} from '../../src/banking/soap.js';
import { transactionId } from '../../src/kernel/ids.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { readFault } from '../../src/soap/fault-body.js';
import { registerPort } from '../../src/soap/server.js';
import type { SoapVersion } from '../../src/soap/vocabulary.js';
import { validateAgainstStandards } from '../support/schemas.js';
import { post, startNode, stopNodes, type TestNode } from './harness.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const brokeBank = 'bank-broke';

let front: TestNode;
let address: string;
let transfers: Transfer[];

beforeEach(async () => {
  transfers = [];
  front = await startNode('front', (node) => {
    registerPort(node.app, {
      path: '/transfer',
      wsdl: 'transfer',
      security: { kind: 'plain' },
      onSent: (text) => node.sent.push(text),
      operations: {
        [bankActions.transfer]: {
          kind: 'request-reply',
          replyAction: bankActions.transferResponse,
          handle: ({ body }) => {
            const transfer = readTransfer(body);
            transfers.push(transfer);
            if (transfer.debtor.bank === brokeBank) throw bankFaults.insufficientFunds();
            return { body: writeTransferResponse({ transactionId: tid, outcome: 'committed' }) };
          },
        },
      },
    });
  });
  address = `${front.origin}/transfer`;
});

afterEach(stopNodes);

const namespaceOf = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
} as const;
const wsa = 'xmlns:wsa="http://www.w3.org/2005/08/addressing"';

function envelope(version: SoapVersion, header = '', bank = 'bank-a'): string {
  return `<S:Envelope xmlns:S="${namespaceOf[version]}" ${wsa}><S:Header>${header}</S:Header><S:Body>
    <Transfer xmlns="urn:concordat:bank">
      <debtor><bank>${bank}</bank><account>alice</account></debtor>
      <creditor><bank>bank-b</bank><account>bob</account><amountMinor>1250</amountMinor></creditor>
      <currency>EUR</currency>
    </Transfer></S:Body></S:Envelope>`;
}

describe.each(['1.1', '1.2'] as const)('a plain port, SOAP %s', (version) => {
  it.each(['', bankActions.transfer])('needs no addressing (HTTP action "%s")', async (action) => {
    const response = await post(address, envelope(version), version, action);
    expect(response.status).toBe(200);
    expect(readEnvelope(response.text)).toMatchObject({ version, addressing: { action: '' } });
    expect(transfers.map(totalMinor)).toEqual([1250]);
    expect(await validateAgainstStandards([envelope(version), ...front.sent])).toEqual([]);
  });

  it('answers addressing with addressing', async () => {
    const header = `<wsa:Action>${bankActions.transfer}</wsa:Action><wsa:MessageID>urn:x:1</wsa:MessageID>`;
    const response = await post(address, envelope(version, header), version);
    const { addressing } = readEnvelope(response.text);
    expect(addressing).toMatchObject({
      action: bankActions.transferResponse,
      relatesTo: 'urn:x:1',
    });
    expect(await validateAgainstStandards(front.sent)).toEqual([]);
  });

  it('refuses a transaction that it would not take part in', async () => {
    const context = `<c:CoordinationContext xmlns:c="http://docs.oasis-open.org/ws-tx/wscoor/2006/06"
      S:mustUnderstand="1"/>`;
    const response = await post(address, envelope(version, context), version);
    expect(response.status).toBe(500);
    expect(readFault(readEnvelope(response.text))?.code).toBe('MustUnderstand');
    expect(transfers).toEqual([]);
  });

  it('gives the reason for a refusal', async () => {
    const text = envelope(version, '', brokeBank);
    const response = await post(address, text, version);
    expect(response.status).toBe(version === '1.1' ? 500 : 400);
    const fault = readFault(readEnvelope(response.text));
    expect(fault?.is('urn:concordat:bank', 'InsufficientFunds')).toBe(true);
    expect(fault?.data.detail?.localName).toBe('InsufficientFunds');
    expect(await validateAgainstStandards(front.sent)).toEqual([]);
  });

  it('refuses to answer elsewhere', async () => {
    const header = `<wsa:Action>${bankActions.transfer}</wsa:Action>
      <wsa:ReplyTo><wsa:Address>http://127.0.0.1:1/</wsa:Address></wsa:ReplyTo>`;
    const response = await post(address, envelope(version, header), version);
    expect(readFault(readEnvelope(response.text))?.code).toBe('InvalidAddressingHeader');
    expect(transfers).toEqual([]);
  });
});

describe('the description of a port', () => {
  it('is served with the address that was asked', async () => {
    const response = await fetch(`${address}?wsdl`);
    expect(response.headers.get('content-type')).toBe('text/xml; charset=utf-8');
    expect(await response.text()).toContain(`location="${address}"`);
  });

  it('comes with its schemas', async () => {
    const schema = await (await fetch(`${address}?xsd=banking`)).text();
    expect(schema).toContain('targetNamespace="urn:concordat:bank"');
  });

  it.each(['', '?xsd=../package', '?other'])('is pointed to by GET %s', async (query) => {
    const response = await fetch(address + query);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(await response.text()).toContain('/transfer?wsdl');
  });

  it('does not repeat a bad Host header', async () => {
    const headers = { host: 'a"/><script>' };
    const response = await front.app.inject({ url: '/transfer?wsdl', headers });
    expect(response.statusCode).toBe(400);
  });
});

describe('other implementations', () => {
  const request = {
    debtor: { bank: 'bank-a', account: 'alice' },
    creditor: [
      { bank: 'bank-b', account: 'bob', amountMinor: 1000 },
      { bank: 'bank-c', account: 'carol', amountMinor: 250 },
    ],
    currency: 'EUR',
  };

  it.each([false, true])('soap for Node.js calls by the WSDL (SOAP 1.2: %s)', async (isNew) => {
    const client = await createClientAsync(`${address}?wsdl`, { forceSoap12Headers: isNew });
    const port = isNew ? 'TransferSoap12Port' : 'TransferSoap11Port';
    const { TransferService: service } = client;
    const response = await new Promise((resolve, reject) => {
      service[port].Transfer(request, (error: unknown, result: unknown) =>
        error ? reject(error) : resolve(result),
      );
    });
    expect(response).toEqual({ transactionId: tid, outcome: 'committed' });
    expect(transfers.map(totalMinor)).toEqual([1250]);
  });

  const python = '/usr/bin/python3';
  it('zeep calls by the WSDL', async ({ skip }) => {
    const run = promisify(execFile);
    const hasZeep = await run(python, ['-c', 'import zeep']).then(
      () => true,
      () => false,
    );
    if (!hasZeep) skip('zeep is not installed');
    const { stdout } = await run(python, ['-c', zeepProgram, `${address}?wsdl`]);
    expect(stdout.trim().split('\n')).toEqual([
      `TransferSoap11Port ${tid} committed`,
      'TransferSoap11Port Fault The account does not hold the amount.',
      `TransferSoap12Port ${tid} committed`,
      'TransferSoap12Port Fault The account does not hold the amount.',
    ]);
    expect(transfers.map(totalMinor)).toEqual([5, 5, 5, 5]);
  });
});

const zeepProgram = `
import sys, zeep
client = zeep.Client(sys.argv[1])
for name in ('TransferSoap11Port', 'TransferSoap12Port'):
    port = client.bind('TransferService', name)
    for bank in ('bank-a', '${brokeBank}'):
        try:
            result = port.Transfer(
                debtor={'bank': bank, 'account': 'alice'},
                creditor=[{'bank': 'bank-b', 'account': 'bob', 'amountMinor': 5}],
                currency='EUR')
            print(name, result.transactionId, result.outcome)
        except zeep.exceptions.Fault as fault:
            print(name, 'Fault', fault.message)
`;
