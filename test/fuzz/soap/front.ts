import { accountId, bankActions, writeTransfer } from '../../../src/banking/soap.js';
import { writeEnvelope } from '../../../src/soap/envelope.js';
import type { SoapVersion } from '../../../src/soap/vocabulary.js';
import type { Attack } from '../attack.js';
import { order } from '../ground/victim.js';
import { mutateBytes } from '../mutate/bytes.js';
import { mutateXml } from '../mutate/xml.js';
import type { Random } from '../support/random.js';
import { judge } from './judge.js';
import type { Range } from './range.js';

const timeoutMs = 1500;

/**
 * Plain transfers at the front door, which takes them from anybody: of accounts that do not exist, and
 * malformed in all ways, in SOAP and in JSON. None may be committed.
 */
export function frontAttacks({ victim, poster }: Range): Attack[] {
  const address = victim.local.transferUrl;
  const send = (
    kind: string,
    weight: number,
    make: (random: Random, text: string) => string | Uint8Array,
  ): Attack => ({
    kind: `front door: ${kind}`,
    weight,
    launch: async (random) => {
      const version = random.oneIn(2) ? '1.1' : '1.2';
      const body = make(random, plainTransfer(version));
      const answer = await poster.post({
        address,
        headers: headersOf(random, version),
        body,
        timeoutMs,
      });
      const shot = judge(answer, { kind: 'any' });
      const committed = answer.kind === 'answer' && answer.text.includes('>committed<');
      const violation = committed ? 'a hostile transfer was committed' : shot.violation;
      return [violation === undefined ? shot : { ...shot, violation, input: Buffer.from(body) }];
    },
  });
  const json: Attack = {
    kind: 'front door: JSON changed',
    weight: 30,
    launch: async (random) => {
      const body = mutateBytes(random, Buffer.from(jsonTransfer));
      const answer = await poster.post({
        address: `${address}s`,
        headers: { 'content-type': 'application/json', 'idempotency-key': random.uuid() },
        body,
        timeoutMs,
      });
      const shot = judge(answer, { kind: 'any' });
      const committed = answer.kind === 'answer' && answer.text.includes('"committed"');
      const violation = committed ? 'a hostile transfer was committed' : shot.violation;
      return [violation === undefined ? shot : { ...shot, violation, input: Buffer.from(body) }];
    },
  };
  return [
    json,
    send('markup changed', 30, (random, text) => mutateXml(random, text)),
    send('bytes changed', 30, (random, text) => mutateBytes(random, Buffer.from(text))),
    send('accounts that do not exist', 1, (_, text) => text),
  ];
}

const jsonTransfer = JSON.stringify({
  from: { bank: 'bank-a', account: 'nobody' },
  to: [{ bank: 'bank-b', account: 'nobody', amountMinor: 1 }],
  currency: 'EUR',
});

function plainTransfer(version: SoapVersion): string {
  const nobody = accountId('nobody');
  const { debtor, creditors, currency } = order('alice');
  const body = writeTransfer({
    debtor: { ...debtor, account: nobody },
    creditors: creditors.map((creditor) => ({ ...creditor, account: nobody })),
    currency,
  });
  return writeEnvelope({ version, addressing: { action: '' }, headers: [], body });
}

function headersOf(random: Random, version: SoapVersion): Record<string, string> {
  const action = random.pick([bankActions.transfer, '', 'urn:x', '"']);
  return version === '1.1'
    ? { 'content-type': 'text/xml', soapaction: action }
    : { 'content-type': `application/soap+xml; charset=utf-8; action="${action}"` };
}
