import { setTimeout as sleep } from 'node:timers/promises';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { loadClient } from '../../../src/cli/client.js';
import { participantId } from '../../../src/kernel/ids.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import { heavyAccounts } from '../ground/accounts.js';
import { insiders, type Victim } from '../ground/victim.js';

const lanes = 48;
const timeoutMs = 10_000;

/** One client that asks for heavy transfers, all at once and again and again, while `work` goes on. */
export async function underFlood<Value>(
  { local }: Victim,
  work: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly requests: number }> {
  const { node, cluster } = await loadClient(local.nodeFile(insiders.client));
  const client = new TransferClient({ cluster, node, lanes });
  let isOver = false;
  let requests = 0;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      requests += 1;
      await client.transfer(heavyOrder(), { timeoutMs }).catch(ignoreRefusal);
      // A refusal at once must not keep the attacker's own loop from ending.
      await sleep(1);
    }
  };
  const flood = Promise.all(Array.from({ length: lanes }, lane));
  const value = await work();
  isOver = true;
  await flood;
  await client.close();
  return { value, requests };
}

/** From the attacker's own account: a transfer that is refused would be no load. */
function heavyOrder(): Transfer {
  const bank = participantId('bank-b');
  return {
    debtor: { bank: participantId('bank-a'), account: accountId(insiders.client) },
    currency: currency('EUR'),
    creditors: heavyAccounts.map((account) => ({
      bank,
      account: accountId(account),
      amountMinor: 1,
    })),
  };
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof RequestError)) throw error;
}
