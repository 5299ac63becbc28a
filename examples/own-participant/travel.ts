import { call, commit, type InitiatorApplication } from 'concordat/initiator';

/** For `concordat init --applications travel=`: the path of this module. */
export const application: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      const [room] = yield [call('hotel', 'reserve', payload)];
      return commit(room?.kind === 'done' ? room.result : null);
    },
  },
};
