import { createHash, createPrivateKey } from 'node:crypto';
import type { AgreementName, Cluster, Member, Timing } from '../../../src/kernel/cluster.js';
import {
  clusterId,
  type InitiatorId,
  initiatorId,
  type ParticipantId,
  participantId,
  type ReplicaId,
  replicaId,
  resilience,
} from '../../../src/kernel/ids.js';
import { ed25519Signer, Keyring, publicStatementKey, type Sign } from '../../../src/kernel/keys.js';

export interface CastOptions {
  readonly n: number;
  readonly f: number;
  readonly banks: readonly string[];
  /** 5,000 unless given. */
  readonly retainedTransactions?: number;
  /** Three phases unless given. */
  readonly agreement?: AgreementName;
}

/** Everybody in a run: the cluster, its keys, and who is found at which address. */
export interface Cast {
  readonly cluster: Cluster;
  /** One for all nodes, with its memory of verified signatures: the same bytes are verified once. */
  readonly keyring: Keyring;
  /** Throws `RangeError` where nobody with a key lives there. */
  signOf(address: string): Sign;
}

export const coordinatorAddress = (id: number): string => `c${id}`;
export const initiatorAddress = (id: number): string => `i${id}`;

export function replicaAt(address: string): ReplicaId | undefined {
  const found = /^c(\d+)$/.exec(address);
  return found ? replicaId(Number(found[1])) : undefined;
}

export function initiatorAt(address: string): InitiatorId | undefined {
  const found = /^i(\d+)$/.exec(address);
  return found ? initiatorId(Number(found[1])) : undefined;
}

export function bankAt(address: string): ParticipantId | undefined {
  return address.startsWith('bank-') ? participantId(address) : undefined;
}

/** Where a participant's service is, and whose it is. */
export const serviceOf = (address: string): string => `http://${address}.sim/participant`;

export function addressOfService(url: string): string | undefined {
  return /^http:\/\/([a-z0-9-]+)\.sim\/participant$/.exec(url)?.[1];
}

const keys = new Map<string, { readonly sign: Sign; readonly statementKey: string }>();

/** As a cluster file has them where it does not say. */
export const RETAINED = 5000;
const OWED = 256;

/** Times of every cluster that is simulated. */
export const timing: Timing = {
  suspectAfterMs: 2000,
  resendAfterMs: 500,
  voteTimeoutMs: 5000,
  defaultExpiresMs: 30_000,
};

export function createCast(options: CastOptions): Cast {
  const { n, f, banks, retainedTransactions = RETAINED, agreement = 'three-phase' } = options;
  const coordinators = indices(n).map((id) => ({
    ...member(coordinatorAddress(id)),
    id: replicaId(id),
    peer: { host: `c${id}.sim`, port: 9000 },
  }));
  const initiators = indices(2 * f + 1).map((id) => ({
    ...member(initiatorAddress(id)),
    id: initiatorId(id),
  }));
  const participants = banks.map((name) => ({ ...member(name), id: participantId(name) }));
  const cluster: Cluster = {
    id: clusterId('sim'),
    resilience: resilience(n, f),
    authority: '',
    binding: 'soap',
    agreement,
    coordinators,
    initiators,
    participants,
    fronts: [],
    allowedOrigins: [],
    timing,
    retainedTransactions,
    owedTransactions: OWED,
  };
  const members = new Set([...coordinators, ...initiators, ...participants].map((m) => m.name));
  return {
    cluster,
    keyring: Keyring.of(cluster),
    signOf: (address) => {
      if (!members.has(address)) throw new RangeError(`no key for ${address}`);
      return keyOf(address).sign;
    },
  };
}

function member(name: string): Member {
  return {
    name,
    url: `http://${name}.sim`,
    certificateSha256: createHash('sha256').update(name).digest('hex'),
    statementKey: keyOf(name).statementKey,
  };
}

/** PKCS #8 of an Ed25519 key up to its 32-byte seed (RFC 8410 §7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The same key for the same name in every run. */
function keyOf(name: string): { readonly sign: Sign; readonly statementKey: string } {
  const known = keys.get(name);
  if (known) return known;
  const secret = createHash('sha256').update(`statement key of ${name}`).digest();
  const pem = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, secret]),
    format: 'der',
    type: 'pkcs8',
  })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const made = { sign: ed25519Signer(pem), statementKey: publicStatementKey(pem) };
  keys.set(name, made);
  return made;
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
