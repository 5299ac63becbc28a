import { describe, expect, it } from 'vitest';
import { Retransmission } from '../../src/agreement/core/retransmission.js';
import { AgreementState } from '../../src/agreement/core/state.js';
import { ViewChanger } from '../../src/agreement/core/view-change.js';
import type {
  PeerMessage,
  PreparedCertificate,
  SignedViewChange,
} from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { encodeSigned } from '../../src/agreement/signing.js';
import { newViewBytesMax, viewChangeBytesMax } from '../../src/agreement/sizes.js';
import { limits } from '../../src/kernel/codec/limits.js';
import { replicaId } from '../../src/kernel/ids.js';
import { openStore } from '../../src/kernel/store/store.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { Evidence, upTo } from '../support/evidence.js';
import { type TestCluster, testCluster } from '../support/keys.js';
import { largestLock, largestOutcome, largestParties, smallLock } from '../support/largest.js';

/** Replica 1, the primary of view 1, locked in so many slots. */
function locked({ cluster, replicaSign }: TestCluster, locks: readonly PreparedCertificate[]) {
  const options = {
    ...{ cluster: cluster.id, resilience: cluster.resilience, self: replicaId(1) },
    ...{ suspectAfterMs: 1000, resendAfterMs: 100, entropy: new Uint8Array(32) },
    ...({ agreement: 'three-phase', shownTransactions: 0 } as const),
    sign: replicaSign(1),
  };
  const state = new AgreementState(options, { closed: () => {}, isForgotten: () => false });
  for (const lock of locks) {
    state.slotState(lock.prePrepare.statement.slot);
    state.rules.lock(lock);
  }
  state.takeOutputs();
  const views = new ViewChanger(state, { learn: () => {}, entered: () => {} });
  return { state, views };
}

function broadcastOf<Kind extends PeerMessage['kind']>(state: AgreementState, kind: Kind) {
  const messages = state
    .takeOutputs()
    .flatMap((output) => (output.kind === 'broadcast' ? [output.message] : []));
  return messages.find(
    (message): message is Extract<PeerMessage, { kind: Kind }> => message.kind === kind,
  );
}

const many = testCluster();
const manyLocks = upTo(limits.preparedCertificates + 100).map((index) =>
  smallLock(index, new Evidence(many)),
);
const largest = largestLock(largestOutcome(largestParties.cluster.initiators.length));
const cases = [
  { n: 4, parties: many, locks: manyLocks },
  {
    n: 64,
    parties: largestParties,
    locks: [largest, ...upTo(60).map((index) => smallLock(index))],
  },
];

describe.each(cases)('of $n replicas that are locked in many slots', ({ n, parties, locks }) => {
  const { state, views } = locked(parties, locks);
  const [first] = state.slots.keys();
  if (first !== undefined) views.suspect(first);
  const asked = broadcastOf(state, 'view-change')?.viewChange;

  it('each asks for a view with the locks that its share of a new view holds', () => {
    const prepared = asked?.statement.prepared ?? [];
    expect(asked?.bytes.length).toBeLessThanOrEqual(viewChangeBytesMax(n));
    expect(prepared.length).toBeGreaterThan(10);
    expect(prepared.length).toBeLessThan(locks.length);
  });

  it('all have room in one new view, which is sent, stored and read again', async () => {
    const others = upTo(n).filter((replica) => replica !== 1);
    for (const replica of others) {
      const viewChange = { ...asked, replica: replicaId(replica) } as SignedViewChange;
      views.onViewChange(replicaId(replica), viewChange);
      if (state.view === 1) break;
    }
    const message = broadcastOf(state, 'new-view');
    if (!message) throw new Error('no new view');
    const bytes = encodePeerMessage(message);
    expect(bytes.length).toBeLessThanOrEqual(newViewBytesMax);
    const read = decodePeerMessage(parties.cluster.id, bytes);
    expect(Buffer.compare(encodePeerMessage(read), bytes)).toBe(0);

    const value = encodeSigned(message.newView);
    const directory = await temporaryDirectory();
    const store = await openStore(directory);
    await store.write([{ key: 'new-view', value }]);
    await store.close();
    const again = await openStore(directory);
    const [record] = await again.load('new-view');
    await again.close();
    expect(Buffer.compare(record?.value ?? new Uint8Array(), value)).toBe(0);
  });
});

it('a lock that no view change has room for is handed to the primary in a message of its own', () => {
  const { state } = locked(largestParties, [largest]);
  const [slot] = state.slots.values();
  const host = { requestsFor: () => undefined, evidenceFor: () => [] };
  const actions = { propose: () => {}, settled: () => {}, show: () => {} };
  const retransmission = new Retransmission(state, host as never, actions);
  if (slot) retransmission.handOver(slot);
  const [sent] = state.takeOutputs();
  expect(sent).toMatchObject({ kind: 'send', to: 0, message: { kind: 'prepared' } });
  if (sent?.kind !== 'send') return;
  expect(encodePeerMessage(sent.message).length).toBeLessThan(limits.peerMessageBytes);
});
