import {
  checkKnown,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  type VerificationError,
} from '../agreement/check-signature.js';
import { sha256 } from '../kernel/digest.js';
import {
  type ClusterId,
  type Digest,
  failed,
  ok,
  type ReplicaId,
  type Result,
  unreachable,
} from '../kernel/ids.js';
import type { Keyring, Sign } from '../kernel/keys.js';
import { type Signed, signedBy } from '../kernel/signed.js';
import { encodeBatch, encodeCycleValue } from './batch-codec.js';
import {
  checkCheckpoint,
  checkSequenceCommits,
  checkSequenceNewView,
  checkSequenceProposal,
  checkSequenceViewChange,
} from './check-certificates.js';
import {
  checkFastInstance,
  checkSettlement,
  checkSpecOrder,
  checkSpecReply,
} from './check-instances.js';
import { checkCommand, checkReport, checkReports, rememberProposal } from './check-reports.js';
import {
  checkConfirmations,
  checkFastCommitted,
  checkTwoStepNewView,
  checkTwoStepViewChange,
} from './check-two-step.js';
import { encodeManifest } from './fields.js';
import { encodeOrderingStatement } from './statement-codec.js';
import type {
  Batch,
  CycleValue,
  OrderingMessage,
  OrderingRequest,
  OrderingScope,
  OrderingStatement,
  SnapshotManifest,
  VerifiedOrderingMessage,
} from './types.js';

/**
 * A statement as it travels: its bytes under this cluster, and the signature over them, which `signedBy` makes.
 */
export function signOrdering<S extends OrderingStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  return signedBy(sign, encodeOrderingStatement(cluster, statement), statement);
}

export function digestOfBatch(batch: Batch): Digest {
  return sha256(encodeBatch(batch));
}

/** What a checkpoint is signed for. */
export function digestOfManifest(manifest: SnapshotManifest): Digest {
  return sha256(encodeManifest(manifest));
}

export function digestOfCycleValue(value: CycleValue): Digest {
  return sha256(encodeCycleValue(value));
}

/** Whether a request is its client's own: the application knows how its clients sign. */
export type RequestCheck = (request: OrderingRequest) => boolean;

/**
 * Checks everything in a message that the link says came from `from`: each signature, nested ones too,
 * that each request is its client's, and that the parts fit together.
 *
 * @example
 * ```ts
 * import {
 *   decodeOrderingMessage,
 *   type Keyring,
 *   type OrderingInput,
 *   type RequestCheck,
 *   verifyOrderingMessage,
 * } from 'concordat/ordering';
 *
 * // What a link brought, as the engine takes it; `undefined` where a signature does not hold.
 * export function inputOf(
 *   keyring: Keyring,
 *   isGenuine: RequestCheck,
 *   from: number,
 *   bytes: Uint8Array,
 * ): OrderingInput | undefined {
 *   const replica = keyring.cluster.coordinators.find(({ id }) => id === from);
 *   if (replica === undefined) return undefined;
 *   const message = decodeOrderingMessage(keyring.cluster.id, bytes);
 *   const checked = verifyOrderingMessage(keyring, isGenuine, replica.id, message);
 *   if (!checked.ok) return undefined;
 *   return { kind: 'peer', message: checked.value, nowMs: performance.now() };
 * }
 * ```
 */
export function verifyOrderingMessage(
  keyring: Keyring,
  isGenuine: RequestCheck,
  from: ReplicaId,
  message: OrderingMessage,
): Result<VerifiedOrderingMessage, VerificationError> {
  const finding =
    checkKnown(keyring, replicaSigner(from)) ??
    mismatchUnless(
      scopesOf(message).every((scope) => scope === message.scope),
      'scope',
    ) ??
    new MessageCheck(keyring, isGenuine).check(from, message);
  return finding ? failed(finding) : ok({ from, message } as VerifiedOrderingMessage);
}

/** What a process sends it need not check where others repeat it: it has signed it, or checked it before. */
export function rememberSent(keyring: Keyring, message: OrderingMessage): void {
  if (message.kind === 'proposal') rememberProposal(keyring, message.proposal);
}

class MessageCheck {
  readonly #keyring: Keyring;
  readonly #isGenuine: RequestCheck;

  constructor(keyring: Keyring, isGenuine: RequestCheck) {
    this.#keyring = keyring;
    this.#isGenuine = isGenuine;
  }

  check(from: ReplicaId, message: OrderingMessage): Finding {
    const keyring = this.#keyring;
    switch (message.kind) {
      case 'batch':
        // It is asked for by a digest that a quorum has vouched for.
        if (message.scope === 'ezbft') return undefined;
        return this.#checkBatch(message.scope, message.batch);
      case 'requests':
        return this.#checkBatch(message.scope, message.batch);
      case 'pre-prepare':
        return (
          mismatchUnless(
            digestOfBatch(message.batch) === message.prePrepare.statement.digest,
            'digest of a batch',
          ) ??
          checkSequenceProposal(keyring, message.prePrepare) ??
          this.#checkBatch(message.scope, message.batch)
        );
      case 'phase':
        return (
          mismatchUnless(message.signed.statement.phase !== 'pre-prepare', 'phase') ??
          checkSignature(keyring, replicaSigner(from), message.signed)
        );
      case 'checkpoint':
        return checkSignature(keyring, replicaSigner(from), message.signed);
      case 'view-change':
        return checkSequenceViewChange(keyring, message.viewChange);
      case 'new-view':
        return checkSequenceNewView(keyring, message.newView);
      case 'two-step-view-change':
        return checkTwoStepViewChange(keyring, message.viewChange);
      case 'two-step-new-view':
        return checkTwoStepNewView(keyring, message.newView);
      case 'confirmation':
        return checkConfirmations(keyring, message.confirmations);
      case 'fast-committed':
        return (
          mismatchUnless(
            digestOfBatch(message.batch) === message.acks.prePrepare.statement.digest,
            'digest of a batch',
          ) ?? checkFastCommitted(keyring, message.acks)
        );
      // A quorum vouches for the batch, so nobody need look into it again.
      case 'committed':
        return (
          mismatchUnless(
            digestOfBatch(message.batch) === message.commits.statement.digest,
            'digest of a batch',
          ) ?? checkSequenceCommits(keyring, message.commits)
        );
      case 'stable':
        return checkCheckpoint(keyring, message.certificate);
      case 'state':
        return (
          mismatchUnless(
            digestOfManifest(message.manifest) === message.certificate.statement.digest,
            'digest of a snapshot',
          ) ?? checkCheckpoint(keyring, message.certificate)
        );
      case 'proposal':
        return (
          mismatchUnless(
            digestOfCycleValue(message.value) === message.proposal.statement.digest,
            'digest of a value',
          ) ??
          checkSignature(
            keyring,
            replicaSigner(message.proposal.statement.replica),
            message.proposal,
          ) ??
          this.#checkBatch(message.scope, message.value.batch)
        );
      case 'report':
        return checkReport(keyring, message.report);
      case 'fast-decision':
        return checkReports(keyring, message.reports, keyring.resilience.n - 1);
      case 'spec-order':
        return checkSpecOrder(keyring, message) ?? this.#checkBatch(message.scope, message.batch);
      case 'spec-reply':
        return checkSpecReply(keyring, from, message.reply);
      case 'commit-fast':
        return checkFastInstance(keyring, message.replies, message.batch);
      case 'fetch-batch':
      case 'fetch-value':
      case 'fetch-reports':
      case 'fetch-chunk':
      // What it should be, the receiver knows by its digest.
      case 'chunk':
      case 'status':
      case 'rejoin':
      case 'slow':
      case 'fetch-instance':
      case 'lost-instances':
      case 'reach-instances':
      case 'lost':
      case 'reach':
        return undefined;
      default:
        return unreachable(message);
    }
  }

  #checkBatch(scope: OrderingScope, batch: Batch): Finding {
    return firstFinding(batch, (request) => {
      if (scope === 'decision-module') return checkCommand(this.#keyring, request);
      if (scope === 'ezbft-decisions') return checkSettlement(this.#keyring, request);
      return mismatchUnless(this.#isGenuine(request), 'request and client');
    });
  }
}

/** The scopes named by what is signed at the top of a message; deeper ones are checked with it. */
function scopesOf(message: OrderingMessage): readonly OrderingScope[] {
  switch (message.kind) {
    case 'pre-prepare':
      return [message.prePrepare.statement.scope];
    case 'phase':
    case 'checkpoint':
      return [message.signed.statement.scope];
    case 'view-change':
    case 'two-step-view-change':
      return [message.viewChange.statement.scope];
    case 'new-view':
    case 'two-step-new-view':
      return [message.newView.statement.scope];
    case 'committed':
      return [message.commits.statement.scope];
    case 'confirmation':
      return [message.confirmations.statement.scope];
    case 'fast-committed':
      return [message.acks.prePrepare.statement.scope];
    case 'stable':
    case 'state':
      return [message.certificate.statement.scope];
    case 'proposal':
    case 'report':
    case 'fetch-value':
    case 'fetch-reports':
    case 'fast-decision':
    case 'rejoin':
      return ['antipaxos'];
    case 'spec-order':
    case 'spec-reply':
    case 'commit-fast':
    case 'fetch-instance':
    case 'lost-instances':
    case 'reach-instances':
      return ['ezbft'];
    case 'requests':
    case 'batch':
    case 'fetch-batch':
    case 'fetch-chunk':
    case 'chunk':
    case 'status':
    case 'slow':
    case 'lost':
    case 'reach':
      return [];
    default:
      return unreachable(message);
  }
}
