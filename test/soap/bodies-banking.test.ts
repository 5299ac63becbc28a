import { describe, expect, it } from 'vitest';
import {
  accountId,
  currency,
  readGetBalance,
  readGetBalanceResponse,
  readPosting,
  readPostingResponse,
  readTransfer,
  readTransferResponse,
  writeGetBalance,
  writeGetBalanceResponse,
  writePosting,
  writePostingResponse,
  writeTransfer,
  writeTransferResponse,
} from '../../src/banking/soap.js';
import { transactionId } from '../../src/kernel/ids.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { envelopeOf, faultOf, posting, sent, transfer } from './body-harness.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');

describe('the banking messages', () => {
  it('read what they write', () => {
    expect(readTransfer(sent(writeTransfer(transfer)))).toEqual(transfer);
    expect(readPosting(sent(writePosting(posting)))).toEqual(posting);
    const credit = { ...posting, kind: 'credit' } as const;
    expect(readPosting(sent(writePosting(credit)))).toEqual(credit);
    readPostingResponse(sent(writePostingResponse('debit')), 'debit');
    readPostingResponse(sent(writePostingResponse('credit')), 'credit');
    expect(readGetBalance(sent(writeGetBalance(accountId('alice'))))).toBe('alice');
    const balance = { account: accountId('alice'), amountMinor: 0, currency: currency('EUR') };
    expect(readGetBalanceResponse(sent(writeGetBalanceResponse(balance)))).toEqual(balance);
    const aborted = { transactionId: tid, outcome: 'aborted', reason: 'no & never' } as const;
    expect(readTransferResponse(sent(writeTransferResponse(aborted)))).toEqual(aborted);
    const committed = { transactionId: tid, outcome: 'committed' } as const;
    expect(readTransferResponse(sent(writeTransferResponse(committed)))).toEqual(committed);
  });

  const wrongTransfers: [string, (xml: string) => string][] = [
    ...['0', '-0', '-1', '1.5', '0x1', '+ 1', '++1', '9007199254740992', '1e3', ''].map(
      (amount): [string, (xml: string) => string] => [
        `the amount "${amount}"`,
        (xml) => xml.replace('>1<', `>${amount}<`),
      ],
    ),
    ['a sum beyond 2^53-1', (xml) => xml.replace('>1<', '>2<')],
    ['the currency "eur"', (xml) => xml.replace('EUR', 'eur')],
    ['the currency "EURO"', (xml) => xml.replace('EUR', 'EURO')],
    ['a long account', (xml) => xml.replace('alice', 'a'.repeat(64))],
    ['an account of other letters', (xml) => xml.replace('alice', 'ål')],
    ['no creditor', (xml) => xml.replaceAll(/<b:creditor>.*?<\/b:creditor>/g, '')],
    ['16 creditors', (xml) => xml.replace(/(<b:creditor>.*?<\/b:creditor>)/, '$1'.repeat(15))],
    ['an unknown element', (xml) => xml.replace('</b:Transfer>', '<b:odd/></b:Transfer>')],
  ];
  it.each(wrongTransfers)('refuse a transfer with %s', (_, change) => {
    const good = envelopeOf(writeTransfer(transfer));
    const wrong = change(good);
    expect(wrong).not.toBe(good);
    expect(faultOf(() => readTransfer(readEnvelope(wrong).body))).toBe('Sender');
  });

  it('refuse one another', () => {
    expect(faultOf(() => readTransfer(undefined))).toBe('Sender');
    expect(faultOf(() => readPosting(writeTransfer(transfer)))).toBe('Sender');
    expect(faultOf(() => readPostingResponse(writePostingResponse('debit'), 'credit'))).toBe(
      'Sender',
    );
  });
});
