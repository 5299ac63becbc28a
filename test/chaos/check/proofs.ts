import { decisionProofBytesMax } from '../../../src/agreement/sizes.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { httpGet } from '../../../src/kernel/http/http-get.js';
import { checkProof } from '../../../src/service/client/proof-check.js';
import { members } from '../cluster/members.js';
import type { Nodes } from '../cluster/nodes.js';
import type { Answer } from '../load/ledger.js';
import type { Violation } from './audit.js';

export interface ProofFindings {
  readonly transfers: number;
  readonly verified: number;
  /** Coordinators that have no proof of a transfer of these. */
  readonly absent: number;
  /** Transfers of which no coordinator has a proof any more. */
  readonly forgotten: number;
  readonly violations: readonly Violation[];
}

/** What the client asked for, and what it was told; a line of the ledger is one. */
export interface Asked {
  readonly answer?: Answer;
}

const timeoutMs = 10_000;
const attemptsMax = 5;
const requestTimeout = 408;
const atATime = 8;

/**
 * Fetches the outcome's proof of each of these transfers from every coordinator, and checks it with
 * nothing but the cluster file, and that it says what the client was told. All coordinators may have
 * forgotten a transfer, unless it is one of those that must be `remembered`.
 */
export async function checkProofs(
  nodes: Nodes,
  cluster: Cluster,
  lines: readonly Asked[],
  remembered: ReadonlySet<Asked>,
): Promise<ProofFindings> {
  const violations: Violation[] = [];
  const rest = [...lines];
  let verified = 0;
  let absent = 0;
  let forgotten = 0;
  const worker = async () => {
    for (let line = rest.pop(); line !== undefined; line = rest.pop()) {
      const { answer } = line;
      if (answer === undefined || answer.kind === 'unknown') continue;
      const findings = await Promise.all(
        members.coordinators.map((name) => findingAt(nodes.url(name), cluster, answer)),
      );
      verified += findings.filter((finding) => finding === 'good').length;
      absent += findings.filter((finding) => finding === 'absent').length;
      const fail = (what: string) =>
        violations.push({ rule: 'proof', what: `${answer.tid}: ${what}` });
      const absentEverywhere = findings.every((finding) => finding === 'absent');
      if (absentEverywhere && remembered.has(line)) fail('no coordinator has a proof');
      if (absentEverywhere) forgotten += 1;
      for (const [index, finding] of findings.entries()) {
        if (finding !== 'good' && finding !== 'absent') {
          fail(`${members.coordinators[index]}: ${finding}`);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return { transfers: lines.length, verified, absent, forgotten, violations };
}

type HttpAnswer = NonNullable<Awaited<ReturnType<typeof httpGet>>>;

/** `good`, `absent`, or what is wrong with it. */
async function findingAt(
  url: string,
  cluster: Cluster,
  { kind, tid }: { readonly kind: 'committed' | 'aborted'; readonly tid: string },
): Promise<string> {
  const answer = await proofAt(`${url}/proof/${tid}`);
  if (answer === undefined) return 'does not answer';
  if (answer.status === 404) return 'absent';
  if (answer.status !== 200) return `answers with status ${answer.status}`;
  const checked = checkProof(cluster, answer.body);
  if (!checked.ok) return checked.error;
  const { value } = checked.value;
  if (value.kind !== 'outcome' || value.tid !== tid) return 'proves something else';
  const told = kind === 'committed' ? 'commit' : 'abort';
  return value.outcome === told ? 'good' : `proves ${value.outcome}, the client heard ${kind}`;
}

/** A machine that has much to do may not answer in time, or only that it was asked too slowly. */
async function proofAt(address: string): Promise<HttpAnswer | undefined> {
  let answer: HttpAnswer | undefined;
  for (let attempts = 0; attempts < attemptsMax; attempts += 1) {
    answer = await httpGet(address, { timeoutMs, maxBytes: decisionProofBytesMax });
    if (answer !== undefined && answer.status !== requestTimeout) break;
  }
  return answer;
}
