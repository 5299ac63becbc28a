import {
  call,
  commit,
  type InitiatorApplication,
} from '../../../src/service/initiator/procedures.js';
import type { BalanceOrder, TransferOrder } from '../orders.js';

/** What the initiators run for the kit: the same transfer, whatever the participants keep their accounts in. */
export const application: InitiatorApplication = {
  name: 'transfers',
  procedures: {
    *transfer({ payload }) {
      const { debtor, creditor, account, amountMinor } = payload as unknown as TransferOrder;
      yield [
        call(debtor, 'debit', { account, amountMinor }),
        call(creditor, 'credit', { account, amountMinor }),
      ];
      return commit();
    },
    *balance({ payload }) {
      const { bank, account } = payload as unknown as BalanceOrder;
      const [answer] = yield [call(bank, 'balance', { account })];
      return commit(answer?.kind === 'done' ? answer.result : null);
    },
  },
};
