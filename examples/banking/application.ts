import type { Application, Call, CallResult } from 'concordat/application';
import { parseTransfer, Refusal } from './transfer.js';

/**
 * Transfers between accounts of different banks, as steps of a session. The banks keep the accounts, and
 * the replicas do not ask them: a step is answered at once with what it will come to if the banks agree,
 * and the transfers of a batch are then one WS-AT transaction. Where the banks refuse, the batch is
 * split until the step that they refuse is alone.
 *
 * It keeps no state of its own: the only truth about money is at the banks.
 */
export const banking: Application = {
  name: 'banking',
  simulate: (_state, call) => answered(() => ({ kind: 'done', result: resultOf(call) })),
  apply: (_state, call) =>
    answered(() => ({
      kind: 'transfers',
      transfers: [parseTransfer(call.payload)],
      result: resultOf(call),
    })),
  interferes: (a, b) => {
    const touched = new Set(accountsOf(a));
    return accountsOf(b).some((account) => touched.has(account));
  },
};

export default { application: banking };

function answered<Result>(perform: () => Result): Result | CallResult {
  try {
    return perform();
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'rejected', reason: error.message };
    throw error;
  }
}

/** The transfer as it was understood. */
function resultOf({ payload }: Call): string {
  return JSON.stringify({ transferred: parseTransfer(payload) });
}

/** None where the call is none that moves money. */
function accountsOf({ payload }: Call): readonly string[] {
  try {
    const { from, to } = parseTransfer(payload);
    return [from, to].map(({ bank, account }) => `${bank}/${account}`);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}
