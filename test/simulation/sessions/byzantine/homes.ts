import type { OperationStatus, SessionReplyId } from '../../../../src/session/core/outbox.js';
import { digestOfResult } from '../../../../src/session/proof.js';
import { firstHistory } from '../../../../src/session/run.js';
import type { CallResult, ReceiptStatement } from '../../../../src/session/types.js';
import type { Answer } from '../packets.js';
import type { SessionBehaviour, SessionLiar } from './liar.js';

type Statuses = Extract<Answer, { kind: 'answer' }>['statuses'];

const lie: CallResult = { kind: 'done', result: 'whatever you like' };

/** Another receipt for the same operation, with another result. */
function otherReceipt(liar: SessionLiar, { statement }: { readonly statement: ReceiptStatement }) {
  return liar.sign<ReceiptStatement>({ ...statement, result: digestOfResult(lie) });
}

function withStatuses(
  answer: Answer,
  change: (status: OperationStatus) => OperationStatus | undefined,
): Answer | undefined {
  if (answer.kind !== 'answer') return undefined;
  let isChanged = false;
  const statuses: Statuses = answer.statuses.map(({ sequence, status }) => {
    const other = change(status);
    isChanged ||= other !== undefined;
    return { sequence, status: other ?? status };
  });
  return isChanged ? { ...answer, statuses } : undefined;
}

/** Answers with receipts of its own making, and tells nobody of the operations. */
export function promiseWithoutProposing(liar: SessionLiar): SessionBehaviour {
  const promised = new Map<string, Map<number, Statuses[number]>>();
  return {
    asked: (question) => {
      if (question.kind === 'attest') return undefined;
      liar.lied();
      const session = question.kind === 'run' ? question.run.session : question.session;
      const of = promised.get(session) ?? new Map<number, Statuses[number]>();
      promised.set(session, of);
      if (question.kind === 'run') {
        const { heads, run } = question.run;
        heads.forEach((head, index) => {
          const sequence = run.first + index;
          const receipt = liar.sign<ReceiptStatement>({
            kind: 'receipt',
            session,
            sequence,
            head,
            result: digestOfResult(lie),
            base: 0,
            baseHistory: firstHistory(liar.cluster),
            deadline: 20,
            replica: liar.self,
          });
          of.set(sequence, { sequence, status: { kind: 'provisional', receipt, result: lie } });
        });
      }
      const replyId = 0 as SessionReplyId;
      return { kind: 'answer', replyId, session, next: of.size + 1, statuses: [...of.values()] };
    },
  };
}

/** Other replicas see other receipts than the client. */
export function equivocateReceipts(liar: SessionLiar): SessionBehaviour {
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'run' || message.receipts.length === 0 || to % 2 === 0) return undefined;
      liar.lied();
      const receipts = message.receipts.map((receipt) =>
        receipt.statement.replica === liar.self ? otherReceipt(liar, receipt) : receipt,
      );
      return [{ ...message, receipts }];
    },
  };
}

/** Clients get other results than the simulation's, signed. */
export function wrongResults(liar: SessionLiar): SessionBehaviour {
  return {
    answering: (answer) => {
      const changed = withStatuses(answer, (status) => {
        if (status.kind !== 'provisional') return undefined;
        return { ...status, result: lie, receipt: otherReceipt(liar, status.receipt) };
      });
      if (changed) liar.lied();
      return changed;
    },
  };
}

/** Clients get other outcomes than the agreed ones, with the proofs of those. */
export function wrongFinals(liar: SessionLiar): SessionBehaviour {
  return {
    answering: (answer) => {
      const changed = withStatuses(answer, (status) =>
        'proof' in status ? { ...status, kind: 'committed', result: lie } : undefined,
      );
      if (changed) liar.lied();
      return changed;
    },
  };
}

/** Takes operations and never answers. */
export function silentHome(liar: SessionLiar): SessionBehaviour {
  return {
    answering: () => {
      liar.lied();
      return null;
    },
  };
}

/** Hears no client at all. */
export function deafHome(liar: SessionLiar): SessionBehaviour {
  return {
    asked: () => {
      liar.lied();
      return null;
    },
  };
}

/** Tells no other replica what its clients do. */
export function withholdRuns(liar: SessionLiar): SessionBehaviour {
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'run') return undefined;
      liar.lied();
      return [];
    },
  };
}
