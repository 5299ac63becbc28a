import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { pbftForms } from '../../src/ordering/core/pbft/rule.js';
import type { SequenceNewView, SequenceViewChange } from '../../src/ordering/types.js';
import type { Trace } from './itf.js';
import { type ChangeForms, SequenceReplay, sequenceState } from './sequence-replay.js';

const scope = 'pbft';

const changes: ChangeForms<SequenceViewChange, SequenceNewView> = {
  forms: pbftForms,
  lie: ({ from, view, cert }, replay) => ({
    kind: 'view-change',
    scope,
    view: view as View,
    replica: from as ReplicaId,
    stable: null,
    prepared: cert.view < 0 ? [] : [replay.certificate(cert)],
    committed: [],
  }),
  newView: (view, viewChanges) => ({ kind: 'new-view', scope, view, viewChanges }),
};

/** A run of `pbft.qnt` at production cores; throws where they are not where the model is. */
export function replayPbft(trace: Trace): void {
  const states = trace.map((one) => sequenceState.parse(one));
  const liar = states[0]?.liar ?? 0;
  const replay = new SequenceReplay(liar, scope, (...made) => new PbftEngine(...made), changes);
  for (const { last, ...expected } of states) {
    replay.take(last);
    replay.serve();
    replay.compare(expected);
  }
}
