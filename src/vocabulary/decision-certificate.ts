import type { OutcomeValue } from './agreement.js';
import { oneCorrect, type Resilience } from './quorum.js';
import { failed, ok, type Result } from './result.js';
import type { Decision } from './statements.js';

/**
 * Whether the outcome follows from the certificate (Zhao §4.3). Signatures are checked elsewhere.
 *
 * Commit: every registered participant voted prepared or read-only, and `f + 1` initiators asked for
 * it. Abort for a vote: some participant voted aborted. Abort for a rollback: `f + 1` initiators asked.
 * Abort for a timeout: some participant has no vote, or the initiators never asked to commit; whether
 * the time has run out, every replica judges by its own clock.
 */
export function outcomeFollows(value: OutcomeValue, resilience: Resilience): Result<void, string> {
  if (value.outcome === 'commit') {
    if (value.reason !== undefined) return failed('a commit has no reason');
    if (!value.records.every((record) => isConsent(record.vote?.statement.vote))) {
      return failed('commit without the consent of every registered participant');
    }
    return asked(value, 'commit', resilience);
  }
  if (value.reason === undefined) return failed('abort without a reason');
  switch (value.reason) {
    case 'vote':
      return value.records.some((record) => record.vote?.statement.vote === 'aborted')
        ? ok(undefined)
        : failed('abort for a vote that is not in the certificate');
    case 'rollback':
      return asked(value, 'rollback', resilience);
    case 'timeout':
      return value.completion.length === 0
        ? ok(undefined)
        : failed('abort for a timeout rests on no completion request');
  }
}

export function isConsent(vote: string | undefined): boolean {
  return vote === 'prepared' || vote === 'readOnly';
}

function asked(
  value: OutcomeValue,
  decision: Decision,
  resilience: Resilience,
): Result<void, string> {
  const initiators = new Set(
    value.completion
      .filter(({ statement }) => statement.decision === decision && statement.tid === value.tid)
      .map(({ statement }) => statement.initiator),
  );
  const enough = initiators.size >= oneCorrect(resilience);
  return enough && initiators.size === value.completion.length
    ? ok(undefined)
    : failed(`not asked for by f + 1 different initiators: ${decision}`);
}
