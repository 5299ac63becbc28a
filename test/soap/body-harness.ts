import { accountId, currency, type Transfer } from '../../src/banking/soap.js';
import { participantId } from '../../src/kernel/ids.js';
import { readEnvelope, writeEnvelope } from '../../src/soap/envelope.js';
import { SoapFault } from '../../src/soap/faults.js';
import type { XmlElement } from '../../src/soap/xml.js';

/** The body as it is after a trip over the wire. */
export function sent(body: XmlElement): XmlElement {
  const text = envelopeOf(body);
  const read = readEnvelope(text).body;
  if (read === undefined) throw new Error('no body');
  return read;
}

/** The body in an envelope without addressing. */
export function envelopeOf(body: XmlElement, headers: XmlElement[] = []): string {
  return writeEnvelope({ version: '1.2', addressing: { action: '' }, headers, body });
}

/** The code of the fault that is thrown. */
export function faultOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof SoapFault) return error.code;
    throw error;
  }
  return 'no fault';
}

export const transfer: Transfer = {
  debtor: { bank: participantId('bank-a'), account: accountId('alice') },
  creditors: [
    { bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 1 },
    {
      bank: participantId('bank-c'),
      account: accountId('carol'),
      amountMinor: Number.MAX_SAFE_INTEGER - 1,
    },
  ],
  currency: currency('EUR'),
};
export const posting = {
  kind: 'debit',
  account: accountId('alice'),
  amountMinor: 1250,
  currency: currency('EUR'),
} as const;
