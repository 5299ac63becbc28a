import type { VerifiedDecisionProof } from '../../agreement/messages.js';
import { decisionProofBytesMax } from '../../agreement/sizes.js';
import type { Cluster } from '../../kernel/cluster.js';
import { httpGet } from '../../kernel/http/http-get.js';
import type { TransactionId } from '../../kernel/ids.js';
import { checkProof } from './proof-check.js';

export type ProofSearch =
  | { readonly kind: 'found'; readonly bytes: Uint8Array; readonly proof: VerifiedDecisionProof }
  /** What each coordinator said, for people; `answered` where any of them answered. */
  | { readonly kind: 'none'; readonly answered: boolean; readonly said: readonly string[] };

/**
 * Asks one coordinator after another, each for at most `timeoutMs`, until one gives a valid proof of the
 * transaction's outcome.
 */
export async function fetchProof(
  cluster: Cluster,
  tid: TransactionId,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<ProofSearch> {
  const said: string[] = [];
  let answered = false;
  for (const { name, url } of cluster.coordinators) {
    const answer = await httpGet(`${url}/proof/${tid}`, {
      timeoutMs,
      maxBytes: decisionProofBytesMax,
    });
    answered ||= answer !== undefined;
    if (answer?.status === 200) {
      const found = check(cluster, tid, answer.body);
      if (typeof found !== 'string') return { kind: 'found', bytes: answer.body, proof: found };
      said.push(`${name}: bad proof: ${found}`);
    } else said.push(`${name}: ${answer === undefined ? 'no answer' : 'has none'}`);
  }
  return { kind: 'none', answered, said };
}

/** The proof, or what is wrong with it. */
function check(
  cluster: Cluster,
  tid: TransactionId,
  bytes: Uint8Array,
): VerifiedDecisionProof | string {
  const checked = checkProof(cluster, bytes);
  if (!checked.ok) return checked.error;
  const { value } = checked.value;
  return value.kind === 'outcome' && value.tid === tid ? checked.value : 'it is of something else';
}
