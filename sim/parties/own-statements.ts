import type { Statement, Verified } from '../../src/vocabulary/statements.js';
import { bankAt, initiatorAt } from './cast.js';

/** Whether the statement's party brings it itself. */
export function isOwn(from: string, statement: Statement): boolean {
  return 'initiator' in statement
    ? initiatorAt(from) === statement.initiator
    : bankAt(from) === statement.participant;
}

export function isKind<Kind extends Statement['kind']>(
  signed: Verified<Statement>,
  kind: Kind,
): signed is Verified<Extract<Statement, { kind: Kind }>> {
  return signed.statement.kind === kind;
}
