import { signStatement } from '../../agreement/signing.js';
import { batchSigner } from '../../kernel/batch-signer.js';
import type { Cluster, ParticipantMember } from '../../kernel/cluster.js';
import type { ParticipantNode } from '../../kernel/config/node-file.js';
import { ed25519Signer } from '../../kernel/keys.js';
import type {
  ParticipantLimits,
  ParticipantOptions,
} from '../../transaction/participant/messages.js';

/** Ended enlistments that are remembered, for each transaction that coordinators remember. */
const finishedPerTransaction = 2;
/** No transaction is waited for longer than so many default lifetimes before it is prepared. */
const expiryPatience = 10;

/** What the core of any participant is told at the start, a bank's included. */
export function participantOptions(
  cluster: Cluster,
  node: ParticipantNode,
  { id, url }: ParticipantMember,
  limits: Pick<ParticipantLimits, 'enlistments' | 'invitationsPerInitiator'>,
): ParticipantOptions & { readonly turnEnded: () => void } {
  const { resilience, retainedTransactions, timing } = cluster;
  const sign = batchSigner(ed25519Signer(node.statementKey));
  return {
    id,
    resilience,
    resendAfterMs: timing.resendAfterMs,
    limits: {
      ...limits,
      finished: finishedPerTransaction * retainedTransactions,
      expiresMs: expiryPatience * timing.defaultExpiresMs,
    },
    address: `${url}/participant`,
    sign: (statement) => signStatement(sign, cluster.id, statement),
    turnEnded: sign.endTurn,
  };
}
