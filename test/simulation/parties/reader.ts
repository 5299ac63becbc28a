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
import type { ParticipantId, ReplicaId, Result } from '../../../src/kernel/ids.js';
import type { Verified } from '../../../src/kernel/signed.js';
import type { Cast } from '../kit/cast.js';
import { Readings, verifiedIn } from '../kit/reading.js';

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
  readonly #statements = new Readings<Verified<Statement>>();
  readonly #invitations = new Readings<Verified<InvitationStatement>>();
  readonly #proofs = new Readings<VerifiedDecisionProof>();
  readonly #certificates = new Readings<VerifiedCommitCertificate>();

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  peer(from: ReplicaId, bytes: Uint8Array): PeerReading | undefined {
    const known = this.#peer.get(bytes);
    if (known?.from === from) return known;
    const message = decoded(() => decodePeerMessage(this.#cluster, bytes));
    if (message === undefined) return undefined;
    const verified = verifiedIn(verifyPeerMessage(this.#cast.keyring, from, message));
    const reading = { from, message, verified };
    this.#peer.set(bytes, reading);
    return reading;
  }

  statement(bytes: Uint8Array): Verified<Statement> | undefined {
    return this.#read(this.#statements, bytes, () => {
      const signed = decodeSignedStatement(this.#cluster, bytes);
      return verifyStatement(this.#cast.keyring, signed);
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
    return this.#read(this.#invitations, bytes, () => {
      const signed = decodeSignedInvitation(this.#cluster, bytes);
      return verifyStatement(this.#cast.keyring, signed);
    });
  }

  proof(bytes: Uint8Array): VerifiedDecisionProof | undefined {
    return this.#read(this.#proofs, bytes, () => {
      const proof = decodeDecisionProof(this.#cluster, bytes);
      return verifyDecisionProof(this.#cast.keyring, proof);
    });
  }

  certificate(bytes: Uint8Array): VerifiedCommitCertificate | undefined {
    return this.#read(this.#certificates, bytes, () => {
      const certificate = decodeCommitCertificate(this.#cluster, bytes);
      return verifyCommitCertificate(this.#cast.keyring, certificate);
    });
  }

  completion(all: readonly Uint8Array[]): VerifiedCompletion | undefined {
    const statements = all.flatMap((bytes) => {
      const signed = decoded(() => decodeSignedStatement(this.#cluster, bytes));
      if (signed?.statement.kind !== 'completion') return [];
      return [{ ...signed, statement: signed.statement }];
    });
    if (statements.length < all.length) return undefined;
    return verifiedIn(verifyCompletion(this.#cast.keyring, statements));
  }

  #read<Value extends object>(
    readings: Readings<Value>,
    bytes: Uint8Array,
    read: () => Result<Value, unknown>,
  ): Value | undefined {
    return readings.of(bytes, () => decoded(() => verifiedIn(read())));
  }

  get #cluster() {
    return this.#cast.cluster.id;
  }
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
