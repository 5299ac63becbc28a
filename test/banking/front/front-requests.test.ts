import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { RequestBook } from '../../../src/banking/front/request-book.js';
import { FrontRequests } from '../../../src/banking/front/requests.js';
import { accountId, currency } from '../../../src/banking/soap.js';
import { clientId, participantId } from '../../../src/kernel/ids.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import type { RequestOptions } from '../../../src/service/client/request-sender.js';

const timeoutMs = 20;
const order = {
  debtor: { bank: participantId('bank-a'), account: accountId('a1') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('b1'), amountMinor: 1 }],
  currency: currency('EUR'),
};
const caller = { address: '192.0.2.1', key: 'one' };

/** A front door in front of a client that does this. */
function requests(transfer: (options: RequestOptions) => Promise<never>) {
  const store = {
    load: () => Promise.resolve([]),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const client = {
    transfer: (_order: unknown, options: RequestOptions) => transfer(options),
    ask: () => new Promise(() => undefined),
  } as unknown as TransferClient;
  const book = new RequestBook(store, Date.now);
  const log = pino({ level: 'silent' });
  return new FrontRequests({ book, client, timeoutMs, resendAfterMs: 10, log });
}

describe('a caller whose time is over', () => {
  it('is refused where its request has waited for a lane in vain, a moment later: it was not sent', async () => {
    const busy = () =>
      new Promise<never>((_, reject) => {
        setTimeout(() => reject(new RequestError('busy', 'all lanes are taken')), 2 * timeoutMs);
      });
    const front = requests(busy);
    await expect(front.transfer(order, caller)).rejects.toMatchObject({ code: 'busy' });
    expect(front.isUnderWay('one')).toBe(false);
  });

  it('gets the key to ask by where its request still waits', async () => {
    const front = requests(() => new Promise<never>(() => undefined));
    await expect(front.transfer(order, caller)).rejects.toMatchObject({
      code: 'outcome-unknown',
      data: { key: 'one', request: undefined },
    });
    expect(front.isUnderWay('one')).toBe(true);
  });

  it('gets the client and the timestamp too where it was sent', async () => {
    const ticket = { client: clientId('front/1'), timestamp: 7 };
    const front = requests(async ({ beforeSending }) => {
      await beforeSending?.(ticket);
      return new Promise<never>(() => undefined);
    });
    await expect(front.transfer(order, caller)).rejects.toMatchObject({
      code: 'outcome-unknown',
      data: { key: 'one', request: { ticket } },
    });
  });
});
