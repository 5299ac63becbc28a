import { decodeCommitCertificate } from '../../agreement/certificate.js';
import {
  verifyCommitCertificate,
  verifyPeerMessage,
  verifyStatement,
} from '../../agreement/check-message.js';
import { decodePeerMessage } from '../../agreement/peer-message.js';
import { decodeSignedStatement } from '../../agreement/signing.js';
import type { Cluster, ParticipantMember } from '../../kernel/cluster.js';
import { Writer } from '../../kernel/codec/bytes.js';
import { costs } from '../../kernel/costs.js';
import { unreachable } from '../../kernel/ids.js';
import { Keyring, type ProvedSignature } from '../../kernel/keys.js';
import { MessageWriter } from '../../soap/compact/message-codec.js';
import { parseEnvelope } from '../../soap/envelope.js';
import { trustOf } from '../../soap/trust.js';
import { MessageVerifier } from '../../soap/verification.js';
import { evidenceIn } from './evidence.js';
import type { Checked, CheckedMessage, CheckJob, Evidence } from './job.js';

/** Looks at messages in a worker. */
export class Checker {
  readonly #cluster: Cluster;
  readonly #keyring: Keyring;
  readonly #verifier: MessageVerifier;
  #participants: readonly ParticipantMember[];
  #proved: ProvedSignature[] = [];

  constructor(cluster: Cluster) {
    this.#participants = cluster.participants;
    const participants = () => this.#participants;
    this.#cluster = {
      ...cluster,
      get participants() {
        return participants();
      },
    };
    this.#keyring = Keyring.of(this.#cluster, (proved) => this.#proved.push(proved));
    this.#verifier = new MessageVerifier({ trust: trustOf(this.#cluster), clock: Date.now });
  }

  /** These are the participants from now on. */
  admit(participants: readonly ParticipantMember[]): void {
    this.#participants = participants;
  }

  /** Never throws: what it cannot read it does not vouch for. */
  check(job: CheckJob): Checked {
    this.#proved = [];
    const before = costs.statementsChecked;
    const message = unlessThrown(() => this.#look(job));
    return { proved: this.#proved, checks: costs.statementsChecked - before, message };
  }

  #look(job: CheckJob): CheckedMessage | undefined {
    switch (job.kind) {
      case 'peer':
        verifyPeerMessage(this.#keyring, job.from, decodePeerMessage(this.#cluster.id, job.bytes));
        return undefined;
      case 'envelope':
        return this.#envelope(job.text);
      case 'evidence':
        this.#evidence(job.evidence);
        return undefined;
      default:
        return unreachable(job);
    }
  }

  #envelope(text: string): CheckedMessage {
    const { message, owner, key, keepUntilMs } = this.#verifier.inspect(parseEnvelope(text), text);
    this.#evidence(evidenceIn(message, this.#cluster.resilience));
    const writer = new Writer();
    new MessageWriter().write(writer, message);
    const { principal } = message;
    return { bytes: writer.finish(), principal, owner, key, keepUntilMs };
  }

  #evidence({ statements, certificates }: Evidence): void {
    const { id } = this.#cluster;
    for (const bytes of statements) {
      unlessThrown(() => verifyStatement(this.#keyring, decodeSignedStatement(id, bytes)));
    }
    for (const bytes of certificates) {
      unlessThrown(() =>
        verifyCommitCertificate(this.#keyring, decodeCommitCertificate(id, bytes)),
      );
    }
  }
}

function unlessThrown<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
