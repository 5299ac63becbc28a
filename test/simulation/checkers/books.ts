import { operationOf } from '../../../src/banking/initiator/outbound.js';
import type { Balance } from '../../../src/banking/soap.js';
import type { Violation } from '../kit/violation.js';
import { activations, type Facts, outcomeOf, requestOf } from './facts.js';

export interface BooksContext {
  readonly facts: Facts;
  /** What each bank opened with. */
  readonly opening: ReadonlyMap<string, readonly Balance[]>;
  /** What the bank says now; undefined where it does not answer. */
  readonly balanceOf: (bank: string, account: string) => number | undefined;
  readonly isCorrect: (address: string) => boolean;
}

/**
 * Money: every account of a correct bank holds what it opened with and what the committed transfers
 * moved, each once. Where all banks are correct, none was made or lost.
 */
export function checkBooks(context: BooksContext): readonly Violation[] {
  const { facts, opening, balanceOf, isCorrect } = context;
  const moved = movements(facts);
  const problems: string[] = [];
  let made = 0;
  for (const [bank, accounts] of opening) {
    if (!isCorrect(bank)) continue;
    for (const { account, amountMinor } of accounts) {
      const balance = balanceOf(bank, account);
      const expected = amountMinor + (moved.get(`${bank} ${account}`) ?? 0);
      made += (balance ?? 0) - amountMinor;
      if (balance !== expected) {
        problems.push(`${bank} ${account} holds ${balance}, the transfers make it ${expected}`);
      }
    }
  }
  if (made !== 0 && [...opening.keys()].every(isCorrect)) {
    problems.push(`the banks together hold ${made} more than they opened with`);
  }
  return problems.map((what) => ({ checker: 'money', what }));
}

/** What the committed transactions do to each account. */
function movements(facts: Facts): Map<string, number> {
  const moved = new Map<string, number>();
  for (const { tid, decision } of activations(facts)) {
    const outcome = outcomeOf(facts, tid)?.result;
    if (outcome?.kind !== 'outcome' || outcome.outcome !== 'commit') continue;
    const digest = requestOf(facts, decision);
    const request = digest === undefined ? undefined : facts.requests.get(digest);
    if (request === undefined) continue;
    for (const { participant, account, side, amountMinor } of operationOf(request.order).legs) {
      const key = `${participant} ${account}`;
      moved.set(key, (moved.get(key) ?? 0) + (side === 'debit' ? -amountMinor : amountMinor));
    }
  }
  return moved;
}
