import { LRUCache } from 'lru-cache';
import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  replicaSigner,
  rising,
} from '../agreement/check-signature.js';
import { limits } from '../kernel/codec/limits.js';
import { primaryOf, quorum, type ReplicaId } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import { orderingLimits } from './fields.js';
import { encodeOrderingStatement } from './statement-codec.js';
import type {
  CheckpointCertificate,
  Cycle,
  OrderingStatement,
  ProposalStatement,
  ReportEntry,
  ReportStatement,
  SequenceNewView,
  SequencePhase,
  SequencePrepared,
  SequenceViewChange,
  SharedCertificate,
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

/** A pre-prepare signed by the primary of its view. Which replica passed it on does not matter. */
export function checkSequenceProposal(keyring: Keyring, signed: Signed<SequencePhase>): Finding {
  const primary = primaryOf(keyring.resilience, signed.statement.view);
  return (
    kindUnless('pre-prepare', signed.statement.phase) ??
    checkSignature(keyring, replicaSigner(primary), signed)
  );
}

/** A quorum of commits of different replicas. */
export function checkSequenceCommits(
  keyring: Keyring,
  commits: SharedCertificate<SequencePhase>,
): Finding {
  return kindUnless('commit', commits.statement.phase) ?? checkQuorum(keyring, commits, 'commits');
}

/** A quorum of replicas had this state. */
export function checkCheckpoint(keyring: Keyring, certificate: CheckpointCertificate): Finding {
  return checkQuorum(keyring, certificate, 'checkpoints');
}

/** The primary's pre-prepare and the prepares of `quorum - 1` backups for the same batch. */
function checkSequencePrepared(keyring: Keyring, prepared: SequencePrepared): Finding {
  const { statement } = prepared.prePrepare;
  const primary = primaryOf(keyring.resilience, statement.view);
  return (
    kindUnless('prepare', prepared.prepares.statement.phase) ??
    mismatchUnless(
      sameProposal(statement, prepared.prepares.statement),
      'pre-prepare and prepares',
    ) ??
    atLeast(quorum(keyring.resilience) - 1, prepared.prepares.signatures, 'prepares') ??
    firstFinding(prepared.prepares.signatures, ({ replica }) =>
      replica === primary
        ? { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'a backup prepares' }
        : undefined,
    ) ??
    checkSequenceProposal(keyring, prepared.prePrepare) ??
    checkShared(keyring, prepared.prepares)
  );
}

/** Signed by the replica that it names; its checkpoint and all that it calls prepared are proved. */
export function checkSequenceViewChange(
  keyring: Keyring,
  signed: Signed<SequenceViewChange>,
): Finding {
  const { scope, view, replica, stable, prepared, committed } = signed.statement;
  const low = stable?.statement.position ?? 0;
  return (
    mismatchUnless(!stable || stable.statement.scope === scope, 'scope of a checkpoint') ??
    rising(
      prepared.map(({ prePrepare }) => prePrepare.statement.sequence),
      'prepared certificates',
    ) ??
    rising(
      committed.map(({ statement }) => statement.sequence),
      'commits',
    ) ??
    firstFinding([...prepared.map(({ prePrepare }) => prePrepare), ...committed], ({ statement }) =>
      mismatchUnless(
        statement.scope === scope &&
          statement.view < view &&
          statement.sequence > low &&
          statement.sequence <= low + orderingLimits.window,
        'scope, view and place of a certificate',
      ),
    ) ??
    checkSignature(keyring, replicaSigner(replica), signed) ??
    (stable ? checkCheckpoint(keyring, stable) : undefined) ??
    firstFinding(prepared, (one) => checkSequencePrepared(keyring, one)) ??
    firstFinding(committed, (one) => checkSequenceCommits(keyring, one))
  );
}

/** Signed by the primary of the view that it opens, with a quorum of view changes to that view. */
export function checkSequenceNewView(keyring: Keyring, signed: Signed<SequenceNewView>): Finding {
  const { scope, view, viewChanges } = signed.statement;
  const primary = primaryOf(keyring.resilience, view);
  return (
    atLeast(quorum(keyring.resilience), viewChanges, 'view changes') ??
    rising(
      viewChanges.map(({ statement }) => statement.replica),
      'view changes',
    ) ??
    firstFinding(viewChanges, ({ statement }) =>
      mismatchUnless(statement.view === view && statement.scope === scope, 'view of a view change'),
    ) ??
    checkSignature(keyring, replicaSigner(primary), signed) ??
    firstFinding(viewChanges, (one) => checkSequenceViewChange(keyring, one))
  );
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

function sameProposal(a: SequencePhase, b: SequencePhase): boolean {
  return (
    a.scope === b.scope && a.view === b.view && a.sequence === b.sequence && a.digest === b.digest
  );
}

function checkQuorum(
  keyring: Keyring,
  shared: SharedCertificate<OrderingStatement>,
  what: string,
): Finding {
  return (
    atLeast(quorum(keyring.resilience), shared.signatures, what) ?? checkShared(keyring, shared)
  );
}

function checkShared(keyring: Keyring, shared: SharedCertificate<OrderingStatement>): Finding {
  const { bytes, signatures } = shared;
  return (
    rising(
      signatures.map(({ replica }) => replica),
      'signatures',
    ) ??
    firstFinding(signatures, ({ replica, signature }) =>
      checkSignature(keyring, replicaSigner(replica), { bytes, signature }),
    )
  );
}
