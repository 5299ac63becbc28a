import {
  call,
  commit,
  type InitiatorApplication,
  rollback,
} from '../../../../src/service/initiator/procedures.js';
import { banks } from '../cast.js';
import { payloadSchema, paymentOf } from '../orders.js';

/** What the initiators run: rows in two databases, and an account at each of two banks. */
export const application: InitiatorApplication = {
  name: 'orders',
  procedures: {
    *order({ payload }) {
      const order = payloadSchema.parse(payload);
      const { id, sku, pieces, isSealBroken } = order;
      const move = { id, sku, pieces, isSealBroken };
      // The databases one after the other: so two orders never wait for each other in both.
      yield [call('warehouse', 'take', move)];
      yield [
        call('depot', 'put', move),
        call(banks[0], 'debit', paymentOf(order)),
        call(banks[1], 'credit', paymentOf(order)),
      ];
      return order.isCalledOff ? rollback('CalledOff') : commit(id);
    },
  },
};
