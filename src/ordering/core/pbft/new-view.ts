import type { Digest } from '../../../kernel/ids.js';
import { nullDigest } from '../../batch-codec.js';
import type {
  CheckpointCertificate,
  SequenceNumber,
  SequencePhase,
  SequencePrepared,
  SequenceViewChange,
  SharedCertificate,
} from '../../types.js';
import type { LogEntry } from '../sequence/log-entry.js';
import type { NewViewProposals } from '../sequence/rule.js';

/**
 * Castro and Liskov §4.4: for each place above the highest stable checkpoint the batch that prepared in
 * the highest view; a null request where none did. What committed had prepared in that view. A primary cannot
 * choose, so none is believed.
 */
export function recomputeProposals(viewChanges: readonly SequenceViewChange[]): NewViewProposals {
  let stable: CheckpointCertificate | null = null;
  for (const { stable: one } of viewChanges) {
    if (one && one.statement.position > (stable?.statement.position ?? 0)) stable = one;
  }
  const low = stable?.statement.position ?? 0;
  const highest = new Map<number, SequencePhase>();
  const shown = viewChanges.flatMap(({ prepared, committed }) => [
    ...prepared.map(({ prePrepare }) => prePrepare.statement),
    ...committed.map(({ statement }: SharedCertificate<SequencePhase>) => statement),
  ]);
  for (const phase of shown) {
    const known = highest.get(phase.sequence);
    if (phase.sequence > low && (!known || phase.view > known.view)) {
      highest.set(phase.sequence, phase);
    }
  }
  const last = Math.max(low, ...highest.keys());
  const digests = new Map<SequenceNumber, Digest>();
  for (let place = low + 1; place <= last; place += 1) {
    digests.set(place as SequenceNumber, highest.get(place)?.digest ?? nullDigest);
  }
  return { stable, digests, last };
}

/** What of the log a view change shows. */
export function evidenceIn(
  log: Iterable<LogEntry>,
): Pick<SequenceViewChange, 'prepared' | 'committed'> {
  const entries = [...log].sort((a, b) => a.sequence - b.sequence);
  return {
    prepared: entries.flatMap(({ prepared }) => (prepared ? [prepared] : [])),
    committed: entries.flatMap(({ prepared, committed }) =>
      committed && !(prepared && viewOf(prepared) >= committed.statement.view) ? [committed] : [],
    ),
  };
}

function viewOf({ prePrepare }: SequencePrepared): number {
  return prePrepare.statement.view;
}
