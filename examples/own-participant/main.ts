import { TestCluster } from 'concordat';
import { call, commit, type InitiatorApplication } from 'concordat/initiator';
import { Refusal, startParticipant, Table, type TableWork } from 'concordat/participant';

const hotel = new Table({ free: 12 });
const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      const [room] = yield [call('hotel', 'reserve', payload)];
      return commit(room?.kind === 'done' ? room.result : null);
    },
  },
};
const reserve = async (rooms: TableWork) => {
  const free = Number(await rooms.get('free'));
  if (free === 0) throw new Refusal('FullyBooked');
  await rooms.set('free', free - 1);
  return { room: free };
};
const all = await TestCluster.start({
  applications: [travel],
  services: {
    hotel: (node) => startParticipant({ ...node, operations: { reserve }, resource: hotel }),
  },
});
const order = { application: 'travel', procedure: 'book', payload: { nights: 2 } };
console.log(await all.procedures.run(order, { timeoutMs: 20_000 }));
await all.stop();
