import { z } from 'zod';
import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { type Signed, signatureOf } from '../../src/kernel/signed.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { fabForms } from '../../src/ordering/core/fab/rule.js';
import { digestOfTable } from '../../src/ordering/two-step-codec.js';
import type {
  TwoStepNewView,
  TwoStepViewChange,
  ViewConfirmation,
  ViewStart,
  ViewTable,
} from '../../src/ordering/types.js';
import type { Trace } from './itf.js';
import {
  type ChangeForms,
  digestOf,
  type InView,
  SequenceReplay,
  sequenceState,
} from './sequence-replay.js';

const confirmation = z.object({ from: z.number(), view: z.number(), required: z.number() });
const state = sequenceState.extend({
  confirmations: z.array(confirmation),
  last: sequenceState.shape.last.extend({ confirmation }),
});
type Confirmation = z.infer<typeof confirmation>;

const scope = 'fab';
type FabReplay = SequenceReplay<TwoStepViewChange, TwoStepNewView>;

const changes: ChangeForms<TwoStepViewChange, TwoStepNewView> = {
  forms: fabForms,
  lie: ({ from, view, cert, acked }, replay) => {
    const isAcked = acked !== undefined && acked.view >= 0;
    return {
      kind: 'two-step-view-change',
      scope,
      view: view as View,
      replica: from as ReplicaId,
      stable: null,
      acked: isAcked ? [replay.phase('pre-prepare', acked.view, acked)] : [],
      starts: isAcked && acked.view > 0 ? [startOf(acked, replay)] : [],
      prepared: cert.view < 0 ? [] : [replay.certificate(cert)],
      committed: [],
    };
  },
  newView: (view, viewChanges) => ({ kind: 'two-step-new-view', scope, view, viewChanges }),
};

function tableOf(required: number): ViewTable {
  return { low: 0, digests: required < 0 ? [] : [digestOf(required)] };
}

function confirmationOf(
  replay: FabReplay,
  view: number,
  table: ViewTable,
): Signed<ViewConfirmation> {
  const digest = digestOfTable(table);
  return replay.cores.forge({ kind: 'confirmation', scope, view: view as View, digest });
}

/** A correct replica's confirmation, and the liar's beside it. */
function startOf({ view, value }: InView, replay: FabReplay): ViewStart {
  for (const { from, message } of replay.cores.sent) {
    if (message.kind !== 'confirmation') continue;
    const { statement, bytes, signatures } = message.confirmations;
    const [own] = signatures;
    if (statement.view !== view || own?.replica !== from) continue;
    const table = [tableOf(-1), tableOf(value)].find(
      (one) => digestOfTable(one) === statement.digest,
    );
    if (!table) continue;
    const { liar } = replay.cores;
    const lie = signatureOf(liar as ReplicaId, confirmationOf(replay, view, table));
    const both = [own, lie].sort((a, b) => a.replica - b.replica);
    return { table, confirmations: { statement, bytes, signatures: both } };
  }
  throw new Error(`nobody has confirmed what allows ${value} in view ${view}`);
}

function hear(replay: FabReplay, replica: number, { from, view, required }: Confirmation): void {
  const table = tableOf(required);
  const { liar, sent } = replay.cores;
  if (from === liar) {
    const { statement, bytes, signature } = confirmationOf(replay, view, table);
    const signatures = [{ replica: from as ReplicaId, signature }];
    const confirmations = { statement, bytes, signatures };
    return replay.cores.deliver(from, replica, { kind: 'confirmation', scope, confirmations });
  }
  const message = sent.find(
    (one) =>
      one.from === from &&
      one.to === undefined &&
      one.message.kind === 'confirmation' &&
      one.message.confirmations.statement.view === view &&
      one.message.confirmations.statement.digest === digestOfTable(table),
  )?.message;
  if (!message) throw new Error(`${from} has not confirmed ${required} in view ${view}`);
  replay.cores.deliver(from, replica, message);
}

/** A run of `fab.qnt` at production cores; throws where they are not where the model is. */
export function replayFab(trace: Trace): void {
  const states = trace.map((one) => state.parse(one));
  const liar = states[0]?.liar ?? 0;
  const replay = new SequenceReplay(liar, scope, (...made) => new FabEngine(...made), changes);
  for (const { last, ...expected } of states) {
    if (last.kind === 'hear') hear(replay, last.replica, last.confirmation);
    else replay.take(last);
    replay.serve();
    replay.compare(expected);
  }
}
