import { Refusal, Table, type TableWork } from 'concordat/participant';

/** For `concordat enroll participant hotel --service`, or `concordat init --services hotel=`: the path of this module. */
export const participant = {
  resource: new Table({ free: 12 }),
  operations: {
    reserve: async (rooms: TableWork) => {
      const free = Number(await rooms.get('free'));
      if (free === 0) throw new Refusal('FullyBooked');
      await rooms.set('free', free - 1);
      return { room: free };
    },
  },
};
