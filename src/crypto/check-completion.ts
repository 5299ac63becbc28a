import { oneCorrect } from '../vocabulary/quorum.js';
import type { CompletionStatement, Signed } from '../vocabulary/statements.js';
import { checkStatement } from './check-signature.js';
import type { Keyring } from './keyring.js';
import {
  distinct,
  exactly,
  type Finding,
  firstFinding,
  mismatchUnless,
} from './verification-error.js';

/** `f + 1` statements of different initiators, alike but for the initiator. */
export function checkCompletion(
  keyring: Keyring,
  statements: readonly Signed<CompletionStatement>[],
): Finding {
  const initiators = statements.map(({ statement }) => statement.initiator);
  const first = statements[0]?.statement;
  return (
    exactly(oneCorrect(keyring.resilience), statements, 'completions') ??
    distinct(initiators, 'initiators of the completions') ??
    firstFinding(
      statements,
      ({ statement }) =>
        mismatchUnless(statement.tid === first?.tid, 'transaction of the completions') ??
        mismatchUnless(statement.decision === first?.decision, 'decision of the completions'),
    ) ??
    firstFinding(statements, (signed) => checkStatement(keyring, signed))
  );
}
