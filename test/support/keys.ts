import { createHash, createPrivateKey } from 'node:crypto';
import { batchSigner } from '../../src/kernel/batch-signer.js';
import type { AgreementName, Cluster, Member } from '../../src/kernel/cluster.js';
import {
  clusterId,
  initiatorId,
  participantId,
  replicaId,
  resilience,
} from '../../src/kernel/ids.js';
import { ed25519Signer, Keyring, publicStatementKey, type Sign } from '../../src/kernel/keys.js';

export interface TestCluster {
  readonly cluster: Cluster;
  readonly keyring: Keyring;
  /** Sign with the key of replica `index`; likewise below. Each throws for a party not in the cluster. */
  replicaSign(index: number): Sign;
  initiatorSign(index: number): Sign;
  participantSign(name: string): Sign;
}

export interface TestClusterOptions {
  /** Replicas; 4 unless given. */
  readonly n?: number;
  /** Faults tolerated; 1 unless given. There are `2f + 1` initiators. */
  readonly f?: number;
  /** Names of the participants; `bank-a` and `bank-b` unless given. */
  readonly participants?: readonly string[];
  /** Cluster id; `test` unless given. The keys depend on it, so clusters share none. */
  readonly id?: string;
  /** How its coordinators agree; three phases unless given. */
  readonly agreement?: AgreementName;
}

/** A cluster in memory with real Ed25519 keys, the same ones for the same options at every run. */
export function testCluster(options: TestClusterOptions = {}): TestCluster {
  const { n = 4, f = 1, participants = ['bank-a', 'bank-b'], id = 'test' } = options;
  const signers = new Map<string, Sign>();
  const member = (name: string): Member => {
    const pem = statementKeyPem(`${id}/${name}`);
    signers.set(name, ed25519Signer(pem));
    return {
      name,
      url: `http://${name}.test:8080`,
      certificateSha256: createHash('sha256').update(`certificate of ${name}`).digest('hex'),
      statementKey: publicStatementKey(pem),
    };
  };
  const cluster: Cluster = {
    id: clusterId(id),
    resilience: resilience(n, f),
    authority: '',
    binding: 'soap',
    agreement: options.agreement ?? 'three-phase',
    coordinators: indices(n).map((i) => {
      const name = `coordinator-${i}`;
      return { ...member(name), id: replicaId(i), peer: { host: `${name}.test`, port: 9000 } };
    }),
    initiators: indices(2 * f + 1).map((i) => ({
      ...member(`initiator-${i}`),
      id: initiatorId(i),
    })),
    participants: participants.map((name) => ({ ...member(name), id: participantId(name) })),
    fronts: [],
    allowedOrigins: [],
    timing: {
      suspectAfterMs: 2000,
      resendAfterMs: 500,
      voteTimeoutMs: 5000,
      defaultExpiresMs: 30_000,
    },
    retainedTransactions: 5000,
    owedTransactions: 256,
  };
  const signer = (name: string): Sign => {
    const sign = signers.get(name);
    if (sign === undefined) throw new RangeError(`no key for ${name}`);
    return sign;
  };
  return {
    cluster,
    keyring: Keyring.of(cluster),
    replicaSign: (index) => batchSigner(signer(`coordinator-${index}`)),
    initiatorSign: (index) => batchSigner(signer(`initiator-${index}`)),
    participantSign: (name) => batchSigner(signer(name)),
  };
}

/** PKCS #8 of an Ed25519 key up to its 32-byte seed (RFC 8410 §7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 private key made from a text, for tests only. */
export function statementKeyPem(seed: string): string {
  const key = Buffer.concat([pkcs8Prefix, createHash('sha256').update(seed).digest()]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
