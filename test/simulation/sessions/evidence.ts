import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import {
  verifyBrokenPromise,
  verifyContradictingReceipts,
} from '../../../src/session/check-proof.js';
import type { BrokenPromise, ReceiptStatement } from '../../../src/session/types.js';
import type { Violation } from '../kit/violation.js';
import { isFaulty } from '../ordering/replica-plan.js';
import type { Answer } from './packets.js';
import { operationKey } from './witness.js';
import type { SessionsWorld } from './world.js';

type Attested = Extract<Answer, { kind: 'attested' }>;

/** What replicas say of where each session stands: `<session>` to what each has said. */
export type Standings = ReadonlyMap<string, ReadonlyMap<ReplicaId, Attested>>;

/**
 * Promises are kept or provably broken, and no honest replica is convicted. A replica that is cut off
 * while the others go on for all of a promise's positions counts as one that breaks it.
 */
export function checkPromises(world: SessionsWorld, standings: Standings): readonly Violation[] {
  const found: Violation[] = [];
  const fault = (checker: string, what: string) => found.push({ checker, what });
  const { plan, witness, coverage, cast } = world;
  const isShort = plan.promisePositions < 10_000 && Object.keys(plan.faults).length > 0;
  for (const receipts of witness.receipts.values()) {
    const [first] = receipts;
    if (!first) continue;
    const { replica, session, sequence } = first.statement;
    // One that has lost its disk has lost its word with it, and can be convicted for that.
    const isLiar = isFaulty(plan, replica) || witness.lost.has(replica);
    for (const receipt of receipts) {
      const isOrdered = isInOrder(world, standings, receipt);
      const isConvicted = evidencesOf(world, standings, receipt).some(
        (evidence) => verifyBrokenPromise(cast.keyring, evidence).ok,
      );
      if (isConvicted) coverage.count('broken promises proved');
      if (isConvicted && !isLiar && !isShort) {
        fault('no-honest-convict', `replica ${replica}, for ${operationKey(session, sequence)}`);
      }
      const isOver = isPast(standings, receipt);
      if (!isOrdered && isOver && !isConvicted) {
        fault('promises', `${replica}'s, of ${operationKey(session, sequence)}, without evidence`);
      }
    }
    for (const other of receipts.slice(1)) {
      const isProved = verifyContradictingReceipts(cast.keyring, [first, other]).ok;
      if (isProved) coverage.count('contradicting receipts proved');
      if (isProved && !isLiar) fault('no-honest-convict', `replica ${replica}: two receipts`);
    }
  }
  return found;
}

/** Whether correct replicas have the promised operation in their order. */
function isInOrder(
  world: SessionsWorld,
  standings: Standings,
  { statement }: Signed<ReceiptStatement>,
): boolean {
  return world.correct.some((replica) => {
    const standing = standings.get(statement.session)?.get(replica)?.standing;
    return standing !== undefined && standing.next > statement.sequence;
  });
}

function isPast(standings: Standings, { statement }: Signed<ReceiptStatement>): boolean {
  return [...(standings.get(statement.session)?.values() ?? [])].every(
    ({ attestation }) => attestation.statement.position >= statement.deadline,
  );
}

/** What anybody could put together against the replica: from honest ones, and from liars and one more. */
function evidencesOf(
  world: SessionsWorld,
  standings: Standings,
  receipt: Signed<ReceiptStatement>,
): BrokenPromise[] {
  const { session, sequence } = receipt.statement;
  const of = standings.get(session) ?? new Map<ReplicaId, Attested>();
  const owned = world.witness.sessions.get(session);
  const honest = [...of.keys()].filter((replica) => !isFaulty(world.plan, replica));
  const liars = [...of.keys()].filter((replica) => isFaulty(world.plan, replica));
  const { f } = world.plan;
  return [honest.slice(0, f + 1), [...liars, ...honest].slice(0, f + 1)].flatMap((replicas) => {
    const attestations = replicas
      .sort((a, b) => a - b)
      .flatMap((replica) => {
        const attested = of.get(replica);
        return attested ? [{ replica, ...attested.attestation, standing: attested.standing }] : [];
      });
    const first = Math.min(...attestations.map(({ standing }) => standing.next));
    if (attestations.length <= f || !owned || first > sequence) return [];
    const operations = Array.from({ length: sequence - first + 1 }, (_, index) =>
      owned.operation(first + index),
    ).filter((operation) => operation !== undefined);
    return [{ receipt, operations, attestations }];
  });
}
