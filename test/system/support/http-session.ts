import { randomBytes, X509Certificate } from 'node:crypto';
import type { Cluster } from '../../../src/kernel/cluster.js';
import type { ClientNode } from '../../../src/kernel/config/node-file.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import { submissionJson } from '../../../src/session/http/run-json.js';
import { readAnswer, type SessionAnswer } from '../../../src/session/http/status-json.js';
import { beginChain, newHeader, ownerSigner, signRun } from '../../../src/session/owners.js';
import type { SessionOperation } from '../../../src/session/types.js';
import { eventually } from './eventually.js';

/** What an operation came to: how sure, and the result or the reason. */
export interface Final {
  readonly kind: 'committed' | 'changed' | 'aborted';
  readonly text: string;
}

/**
 * A session over plain HTTP, as simple as can be: it sends all its operations whenever it sends any, to
 * whatever coordinator it is told to, and believes outcomes with a proof only.
 */
export class HttpSession {
  readonly #cluster: Cluster;
  readonly #keyring: Keyring;
  readonly #owner: ClientNode;
  readonly #chain: ReturnType<typeof beginChain>;
  readonly #operations: SessionOperation[] = [];

  constructor(cluster: Cluster, owner: ClientNode, application: string) {
    this.#cluster = cluster;
    this.#keyring = Keyring.of(cluster);
    this.#owner = owner;
    const header = newHeader({
      application,
      owner: owner.name,
      certificate: new X509Certificate(owner.certificate).raw,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    this.#chain = beginChain(cluster.id, header);
  }

  /** Adds calls, and has all of the session ordered. Answers what the coordinator at the address says. */
  async commit(url: string, ...payloads: readonly object[]): Promise<SessionAnswer> {
    for (const payload of payloads) {
      this.#operations.push({ kind: 'call', payload: JSON.stringify(payload) });
    }
    const sign = ownerSigner(this.#owner.privateKey);
    const { run } = signRun(this.#cluster.id, this.#chain, this.#operations, sign);
    return this.#ask(`${url}/sessions/operations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(submissionJson({ run, commit: true })),
    });
  }

  /** Waits until the coordinator knows what all operations came to. Throws where a proof is none. */
  async finals(url: string): Promise<Final[]> {
    let finals: Final[] = [];
    await eventually('all operations are final', async () => {
      const { session } = this.#chain;
      const { statuses } = await this.#ask(`${url}/sessions/${session}?from=1`);
      finals = statuses.flatMap(({ sequence, status }) => {
        if (status.kind === 'provisional' || status.kind === 'witnessed') return [];
        const { outcome } = status.proof;
        const isOwn = outcome.session === session && outcome.sequence === sequence;
        if (!isOwn || !verifyOperationProof(this.#keyring, status.proof).ok) {
          throw new Error(`no proof of operation ${sequence}`);
        }
        const { result } = outcome;
        return [
          { kind: status.kind, text: result.kind === 'done' ? result.result : result.reason },
        ];
      });
      return finals.length === this.#operations.length;
    });
    return finals;
  }

  async #ask(url: string, init?: RequestInit): Promise<SessionAnswer> {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return readAnswer(this.#cluster.id, JSON.parse(text));
  }
}
