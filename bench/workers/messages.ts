import { randomUUID } from 'node:crypto';
import { encodePeerMessage } from '../../src/agreement/peer-message.js';
import { encodeSigned, signStatement } from '../../src/agreement/signing.js';
import type { CompletionStatement } from '../../src/agreement/statements.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import type { CoordinatorNode, InitiatorNode } from '../../src/kernel/config/node-file.js';
import { sha256 } from '../../src/kernel/digest.js';
import { type Attempt, type InitiatorId, transactionId, type View } from '../../src/kernel/ids.js';
import { ed25519Signer } from '../../src/kernel/keys.js';
import { anonymous, endpoint, none, referenceParameterBlocks } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import type { SoapMessage } from '../../src/soap/envelope.js';
import { soapIdentity } from '../../src/soap/identity.js';
import { notificationAction, writeNotification } from '../../src/transaction/soap/coordination.js';
import {
  statementExtension,
  transactionIdParameter,
} from '../../src/transaction/soap/extension.js';

/** Commits of transactions by an initiator: the message, with its signed statement inside. */
export function completions(
  cluster: Cluster,
  initiator: InitiatorNode,
  to: string,
  count: number,
): SoapMessage[] {
  const sign = ed25519Signer(initiator.statementKey);
  return Array.from({ length: count }, () => {
    const tid = transactionId(randomUUID());
    const statement: CompletionStatement = {
      kind: 'completion',
      tid,
      decision: 'commit',
      initiator: 0 as InitiatorId,
    };
    const encoded = encodeSigned(signStatement(sign, cluster.id, statement));
    return {
      version: '1.2',
      addressing: {
        to,
        action: notificationAction('Commit'),
        messageId: newMessageId(),
        replyTo: none,
        from: endpoint(`${to}/from`),
        faultTo: anonymous,
      },
      headers: referenceParameterBlocks(endpoint(to, transactionIdParameter(tid))),
      body: writeNotification('Commit', statementExtension(encoded)),
    };
  });
}

/** The same messages as an initiator writes them. */
export function envelopes(
  cluster: Cluster,
  initiator: InitiatorNode,
  messages: readonly SoapMessage[],
): string[] {
  const { signer } = soapIdentity(cluster, initiator);
  return messages.map((message) => signer.sign(message));
}

/** Commits of slots, each signed by this replica. */
export function commits(cluster: Cluster, replica: CoordinatorNode, count: number): Uint8Array[] {
  const sign = ed25519Signer(replica.statementKey);
  return Array.from({ length: count }, () => {
    const tid = transactionId(randomUUID());
    const signed = signStatement(sign, cluster.id, {
      kind: 'phase',
      phase: 'commit',
      slot: { kind: 'outcome', tid },
      ballot: { view: 0 as View, attempt: 0 as Attempt },
      digest: sha256(new TextEncoder().encode(tid)),
      result: { kind: 'outcome', outcome: 'commit' },
    });
    return encodePeerMessage({ kind: 'phase', signed });
  });
}
