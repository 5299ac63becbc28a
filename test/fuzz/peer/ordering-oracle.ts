import { digestOfBatch, digestOfCycleValue } from '../../../src/ordering/check-message.js';
import type { OrderingMessage, SharedCertificate } from '../../../src/ordering/types.js';

/** What must be so in whatever replicas of a cluster of `3f + 1` take, said once more and in another way. */

interface Fields {
  readonly [key: string]: unknown;
  readonly phase?: unknown;
  readonly replica?: unknown;
  readonly sequence?: unknown;
  readonly signatures?: unknown;
  readonly view?: unknown;
}

type Certificate = SharedCertificate<Fields & { readonly kind: string }>;

/** Signers that what is shown so has at the least, of `n = 3f + 1`. */
function leastSigners({ statement }: Certificate, f: number): number {
  const { kind } = statement;
  if (kind === 'confirmation') return 1;
  // The primary's own is beside them.
  if (kind === 'phase' && statement.phase === 'prepare') return 2 * f;
  return kind === 'spec-reply' ? 3 * f + 1 : 2 * f + 1;
}

/** What is wrong with a message that was taken. */
export function faultsOf(message: OrderingMessage, f: number): string[] {
  const n = 3 * f + 1;
  const faults: string[] = [];
  for (const fields of fieldsIn(message)) {
    if (Array.isArray(fields.signatures)) {
      const { signatures } = fields as unknown as Certificate;
      const signers = new Set(signatures.map(({ replica }) => replica));
      const isEnough = signers.size >= leastSigners(fields as unknown as Certificate, f);
      if (!isEnough || signers.size !== signatures.length) faults.push('signers');
    }
    const { deps, viewChanges, acked, prepared, view, stable } = fields;
    if (Array.isArray(deps) && deps.length !== n) faults.push('length of dependencies');
    if (Array.isArray(viewChanges) && signersOf(viewChanges).size < 2 * f + 1) {
      faults.push('view changes');
    }
    for (const place of [acked, prepared].flatMap((list) => (Array.isArray(list) ? list : []))) {
      const { prePrepare = place } = place as { readonly prePrepare?: unknown };
      const said = (prePrepare as { readonly statement: Fields }).statement;
      const low = (stable as { statement: { position: number } } | null)?.statement.position ?? 0;
      const isWithin = Number(said.view) < Number(view) && Number(said.sequence) > low;
      if (!isWithin) faults.push('place of what a view change shows');
    }
  }
  return [...faults, ...digestFaults(message)];
}

function digestFaults(message: OrderingMessage): readonly string[] {
  const unlessSame = (named: unknown, held: string) => (named === held ? [] : ['digest']);
  switch (message.kind) {
    case 'pre-prepare':
      return unlessSame(message.prePrepare.statement.digest, digestOfBatch(message.batch));
    case 'spec-order':
      return unlessSame(message.order.statement.value?.digest, digestOfBatch(message.batch));
    case 'commit-fast':
      return unlessSame(message.replies.statement.value?.digest, digestOfBatch(message.batch));
    case 'committed':
      return unlessSame(message.commits.statement.digest, digestOfBatch(message.batch));
    case 'fast-committed':
      return unlessSame(message.acks.prePrepare.statement.digest, digestOfBatch(message.batch));
    case 'proposal':
      return unlessSame(message.proposal.statement.digest, digestOfCycleValue(message.value));
    default:
      return [];
  }
}

function signersOf(viewChanges: readonly unknown[]): ReadonlySet<unknown> {
  return new Set(
    viewChanges.map((one) => (one as { readonly statement: Fields }).statement.replica),
  );
}

/** The message, and all records in it. */
function fieldsIn(value: unknown): readonly Fields[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(fieldsIn);
  return [value as Fields, ...Object.values(value).flatMap(fieldsIn)];
}
