import { LRUCache } from 'lru-cache';
import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  rising,
} from '../agreement/check-signature.js';
import { WireError } from '../kernel/codec/bytes.js';
import { limits } from '../kernel/codec/limits.js';
import type { ReplicaId } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import { decodeAssistance } from './report-codec.js';
import { encodeOrderingStatement } from './statement-codec.js';
import type {
  Cycle,
  OrderingRequest,
  ProposalStatement,
  ReportEntry,
  ReportStatement,
} from './types.js';

/** Some pipelines of the largest cluster; about 3 MB when full. */
const REMEMBERED = 16_384;

interface Known {
  readonly cycle: Cycle;
  readonly index: number;
  readonly entry: ReportEntry;
}

/**
 * The last entry of each process in each cycle that was found to be signed by it. Every report repeats
 * all entries, so a cycle has `n` times `n` of them, and hashing their bytes anew is what would decide.
 */
class EntryMemory {
  readonly #entries = new LRUCache<number, Known>({ max: REMEMBERED });

  has(cycle: Cycle, index: number, { digest, signature }: ReportEntry): boolean {
    const known = this.#entries.get(keyOf(cycle, index));
    return (
      known?.cycle === cycle &&
      known.index === index &&
      known.entry.digest === digest &&
      Buffer.compare(known.entry.signature, signature) === 0
    );
  }

  add(cycle: Cycle, index: number, entry: ReportEntry): void {
    this.#entries.set(keyOf(cycle, index), { cycle, index, entry });
  }
}

const memories = new WeakMap<Keyring, EntryMemory>();

/** What was verified by these keys. */
function entryMemory(keyring: Keyring): EntryMemory {
  const known = memories.get(keyring);
  if (known) return known;
  const memory = new EntryMemory();
  memories.set(keyring, memory);
  return memory;
}

/** Not exact for the largest cycles, so what is found is compared. */
function keyOf(cycle: Cycle, index: number): number {
  return cycle * limits.replicas + index;
}

/** Antipaxos table 1: signed by its process, and so is each value in it by its proposer. */
export function checkReport(keyring: Keyring, report: Signed<ReportStatement>): Finding {
  const { cycle, replica, entries } = report.statement;
  return (
    mismatchUnless(entries.length === keyring.resilience.n, 'processes in a report') ??
    checkSignature(keyring, replicaSigner(replica), report) ??
    checkEntries(keyring, cycle, entries)
  );
}

/** A proposal that this process has signed, or found to be signed: the reports that repeat it need no check of it. */
export function rememberProposal(
  keyring: Keyring,
  { statement, signature }: Signed<ProposalStatement>,
): void {
  const { cycle, replica, digest } = statement;
  entryMemory(keyring).add(cycle, replica, { digest, signature });
}

function checkEntries(
  keyring: Keyring,
  cycle: Cycle,
  entries: ReportStatement['entries'],
): Finding {
  const memory = entryMemory(keyring);
  for (const [index, entry] of entries.entries()) {
    if (!entry || memory.has(cycle, index, entry)) continue;
    const replica = index as ReplicaId;
    const { digest, signature } = entry;
    const bytes = encodeOrderingStatement(keyring.cluster.id, {
      kind: 'proposal',
      scope: 'antipaxos',
      cycle,
      replica,
      digest,
    });
    const finding = checkSignature(keyring, replicaSigner(replica), { bytes, signature });
    if (finding) return finding;
    memory.add(cycle, index, entry);
  }
  return undefined;
}

/** Reports of one cycle by so many different processes at the least. */
export function checkReports(
  keyring: Keyring,
  reports: readonly Signed<ReportStatement>[],
  least: number,
): Finding {
  const [first] = reports;
  return (
    atLeast(least, reports, 'reports') ??
    rising(
      reports.map(({ statement }) => statement.replica),
      'reports',
    ) ??
    firstFinding(reports, ({ statement }) =>
      mismatchUnless(statement.cycle === first?.statement.cycle, 'cycle of a report'),
    ) ??
    firstFinding(reports, (report) => checkReport(keyring, report))
  );
}

/** Whether a Decision Module's command holds a valid assistance request (Antipaxos table 1). */
export function checkCommand(keyring: Keyring, request: OrderingRequest): Finding {
  try {
    const { n, f } = keyring.resilience;
    const { excluded, reports } = decodeAssistance(keyring.cluster.id, request.payload);
    const reporters = excluded.length === 1 ? n - 1 : n;
    return (
      mismatchUnless(reports[0]?.statement.cycle === request.number, 'cycle of a command') ??
      checkReports(keyring, reports, reporters - f)
    );
  } catch (error) {
    if (error instanceof WireError) return { code: 'mismatch', what: 'form of a command' };
    throw error;
  }
}
