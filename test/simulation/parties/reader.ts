import {
  decodeCommitCertificate,
  decodeDecisionProof,
} from '../../../src/agreement/certificate.js';
import {
  type VerifiedCommitCertificate,
  type VerifiedCompletion,
  verifyCommitCertificate,
  verifyCompletion,
  verifyDecisionProof,
  verifyPeerMessage,
  verifyStatement,
} from '../../../src/agreement/check-message.js';
import type {
  PeerMessage,
  VerifiedDecisionProof,
  VerifiedPeerMessage,
} from '../../../src/agreement/messages.js';
import { decodePeerMessage } from '../../../src/agreement/peer-message.js';
import { decodeSignedInvitation, decodeSignedStatement } from '../../../src/agreement/signing.js';
import type {
  InvitationStatement,
  Statement,
  VoteStatement,
} from '../../../src/agreement/statements.js';
import type { ParticipantId, ReplicaId } from '../../../src/kernel/ids.js';
import type { Verified } from '../../../src/kernel/signed.js';
import type { Cast } from '../kit/cast.js';

/** What bytes turned out to be; undefined where they are no good. */
export interface PeerReading {
  readonly message: PeerMessage;
  readonly verified: VerifiedPeerMessage | undefined;
}

/**
 * Decodes and verifies as the edges do, with the production codec and checks. A broadcast is the same
 * array of bytes for everybody who gets it, so it is read once.
 */
export class Reader {
  readonly #cast: Cast;
  readonly #peer = new WeakMap<Uint8Array, PeerReading & { readonly from: ReplicaId }>();
  readonly #statements = new WeakMap<Uint8Array, Verified<Statement> | 'bad'>();
  readonly #invitations = new WeakMap<Uint8Array, Verified<InvitationStatement> | 'bad'>();
  readonly #proofs = new WeakMap<Uint8Array, VerifiedDecisionProof | 'bad'>();
  readonly #certificates = new WeakMap<Uint8Array, VerifiedCommitCertificate | 'bad'>();

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  peer(from: ReplicaId, bytes: Uint8Array): PeerReading | undefined {
    const known = this.#peer.get(bytes);
    if (known?.from === from) return known;
    const message = decoded(() => decodePeerMessage(this.#cluster, bytes));
    if (message === undefined) return undefined;
    const result = verifyPeerMessage(this.#cast.keyring, from, message);
    const reading = { from, message, verified: result.ok ? result.value : undefined };
    this.#peer.set(bytes, reading);
    return reading;
  }

  statement(bytes: Uint8Array): Verified<Statement> | undefined {
    return remember(this.#statements, bytes, () => {
      const signed = decodeSignedStatement(this.#cluster, bytes);
      const result = verifyStatement(this.#cast.keyring, signed);
      return result.ok ? result.value : undefined;
    });
  }

  voteOf(participant: ParticipantId, bytes: Uint8Array): Verified<VoteStatement> | undefined {
    const signed = this.statement(bytes);
    const isVote = signed?.statement.kind === 'vote';
    return isVote && signed.statement.participant === participant
      ? (signed as Verified<VoteStatement>)
      : undefined;
  }

  invitation(bytes: Uint8Array): Verified<InvitationStatement> | undefined {
    return remember(this.#invitations, bytes, () => {
      const signed = decodeSignedInvitation(this.#cluster, bytes);
      const result = verifyStatement(this.#cast.keyring, signed);
      return result.ok ? result.value : undefined;
    });
  }

  proof(bytes: Uint8Array): VerifiedDecisionProof | undefined {
    return remember(this.#proofs, bytes, () => {
      const proof = decodeDecisionProof(this.#cluster, bytes);
      const result = verifyDecisionProof(this.#cast.keyring, proof);
      return result.ok ? result.value : undefined;
    });
  }

  certificate(bytes: Uint8Array): VerifiedCommitCertificate | undefined {
    return remember(this.#certificates, bytes, () => {
      const certificate = decodeCommitCertificate(this.#cluster, bytes);
      const result = verifyCommitCertificate(this.#cast.keyring, certificate);
      return result.ok ? result.value : undefined;
    });
  }

  completion(all: readonly Uint8Array[]): VerifiedCompletion | undefined {
    const statements = all.flatMap((bytes) => {
      const signed = decoded(() => decodeSignedStatement(this.#cluster, bytes));
      if (signed?.statement.kind !== 'completion') return [];
      return [{ ...signed, statement: signed.statement }];
    });
    if (statements.length < all.length) return undefined;
    const result = verifyCompletion(this.#cast.keyring, statements);
    return result.ok ? result.value : undefined;
  }

  get #cluster() {
    return this.#cast.cluster.id;
  }
}

function remember<Value extends object>(
  memory: WeakMap<Uint8Array, Value | 'bad'>,
  bytes: Uint8Array,
  read: () => Value | undefined,
): Value | undefined {
  const known = memory.get(bytes);
  if (known !== undefined) return known === 'bad' ? undefined : known;
  const value = decoded(read);
  memory.set(bytes, value ?? 'bad');
  return value;
}

/** Codec errors are the sender's fault; whatever else is thrown is ours. */
function decoded<Value>(read: () => Value | undefined): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && ['WireError', 'RangeError'].includes(error.constructor.name)) {
      return undefined;
    }
    throw error;
  }
}
