import { call, commit, type InitiatorApplication, rollback } from 'concordat/initiator';
import { nightMinor } from './hotel.js';

/** Books a room at the hotel, and pays for it from the client's account to the hotel's: both, or neither. */
export const application: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ client, payload }) {
      const nights = (payload as { nights?: unknown } | null)?.nights;
      if (typeof nights !== 'number' || !(nights >= 1 && nights <= 30))
        return rollback('BadNights');
      const price = { amountMinor: nights * nightMinor, currency: 'EUR' };
      const [room] = yield [
        call('hotel', 'reserve', { nights, guest: client }),
        call('bank-a', 'debit', { account: client, ...price }),
        call('bank-b', 'credit', { account: 'bob', ...price }),
      ];
      return commit(room?.kind === 'done' ? room.result : null);
    },
  },
};
