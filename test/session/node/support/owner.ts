import { randomBytes, X509Certificate } from 'node:crypto';
import { type Digest, replicaId } from '../../../../src/kernel/ids.js';
import { ed25519Signer, type Sign } from '../../../../src/kernel/keys.js';
import { OutcomeTree } from '../../../../src/session/check-proof.js';
import type { OperationStatus } from '../../../../src/session/core/outbox.js';
import {
  beginChain,
  newHeader,
  ownerSigner,
  type SessionChain,
  signRun,
} from '../../../../src/session/owners.js';
import { digestOfResult, signSession } from '../../../../src/session/proof.js';
import type {
  CallResult,
  HistoryStatement,
  OperationOutcome,
  OutcomeProof,
  SessionOperation,
  SessionRun,
} from '../../../../src/session/types.js';
import { type TestCluster, testCluster } from '../../../kernel/support/cluster.js';

/** A cluster's keys, an owner, and what coordinators would say to it. */
export class OwnerWorld {
  readonly setting: TestCluster;
  readonly #sign: Sign;
  #chain: SessionChain;

  private constructor(setting: TestCluster) {
    this.setting = setting;
    const alice = setting.node('alice');
    this.#sign = ownerSigner(alice.privateKey);
    const header = newHeader({
      application: 'shop',
      owner: 'alice',
      certificate: new X509Certificate(alice.certificate).raw,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    this.#chain = beginChain(setting.cluster.id, header);
  }

  static async make(): Promise<OwnerWorld> {
    return new OwnerWorld(await testCluster());
  }

  get session() {
    return this.#chain.session;
  }

  /** The next calls, or the end, signed. */
  run(...payloads: readonly (string | null)[]): SessionRun {
    const operations = payloads.map(
      (payload): SessionOperation =>
        payload === null ? { kind: 'end' } : { kind: 'call', payload },
    );
    const { run, chain } = signRun(this.setting.cluster.id, this.#chain, operations, this.#sign);
    this.#chain = chain;
    return run;
  }

  get head(): Digest {
    return this.#chain.head;
  }

  provisional(sequence: number, head: Digest, result: CallResult): OperationStatus {
    const receipt = signSession(this.replicaSign(0), this.setting.cluster.id, {
      kind: 'receipt',
      session: this.session,
      sequence,
      head,
      result: digestOfResult(result),
      base: 7,
      baseHistory: head,
      deadline: 10_007,
      replica: replicaId(0),
    });
    return { kind: 'provisional', result, receipt };
  }

  witnessed(sequence: number, head: Digest, result: CallResult): OperationStatus {
    const provisional = this.provisional(sequence, head, result);
    if (provisional.kind !== 'provisional') throw new Error('not provisional');
    const witnesses = [1, 2].map((id) =>
      signSession(this.replicaSign(id), this.setting.cluster.id, {
        kind: 'witness',
        session: this.session,
        sequence,
        head,
        result: digestOfResult(result),
        replica: replicaId(id),
      }),
    );
    return { ...provisional, kind: 'witnessed', witnesses };
  }

  final(
    kind: 'committed' | 'changed' | 'aborted',
    sequence: number,
    head: Digest,
    result: CallResult,
  ): OperationStatus {
    return { kind, result, proof: this.proof({ session: this.session, sequence, head, result }) };
  }

  /** Signed by two coordinators, as `f = 1` needs. */
  proof(outcome: OperationOutcome): OutcomeProof {
    const other = { ...outcome, sequence: outcome.sequence + 1 };
    const tree = new OutcomeTree([outcome, other]);
    const statement: HistoryStatement = {
      kind: 'history',
      position: 8,
      before: outcome.head,
      root: tree.root,
    };
    const signed = [0, 2].map((id) => ({
      replica: replicaId(id),
      ...signSession(this.replicaSign(id), this.setting.cluster.id, statement),
    }));
    const [{ bytes } = { bytes: new Uint8Array() }] = signed;
    const signatures = signed.map(({ replica, signature }) => ({ replica, signature }));
    return { outcome, path: tree.path(0), certificate: { statement, bytes, signatures } };
  }

  replicaSign(id: number): Sign {
    const node = this.setting.node(`coordinator-${id}`);
    if (!('statementKey' in node)) throw new Error('no statement key');
    return ed25519Signer(node.statementKey);
  }
}

export const done = (result: string): CallResult => ({ kind: 'done', result });

/** A run as a SOAP toolkit takes it. */
export function toolkitRun({ header, first, before, operations, signature }: SessionRun) {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return {
    header: {
      application: header.application,
      owner: header.owner,
      certificate: base64(header.certificate),
      nonce: Buffer.from(header.nonce).toString('hex'),
    },
    first,
    before,
    operation: operations.map((one) => (one.kind === 'end' ? { end: {} } : { call: one.payload })),
    signature: base64(signature),
  };
}
