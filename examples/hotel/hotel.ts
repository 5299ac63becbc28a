import { type OperationCall, Refusal, Table, type TableWork } from 'concordat/participant';

/** What a night costs, in cents. */
export const nightMinor = 12_000;

/** A hotel with twelve rooms: what `concordat run` makes a participant of. */
export const participant = {
  resource: new Table({ free: 12 }),
  operations: {
    async reserve(rooms: TableWork, { client, transactionId }: OperationCall) {
      const free = Number(await rooms.get('free'));
      if (free === 0) throw new Refusal('FullyBooked');
      await rooms.set('free', free - 1);
      await rooms.set(`room/${free}`, { guest: client, transactionId });
      return { room: free };
    },
  },
};
