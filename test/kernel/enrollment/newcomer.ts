import type { Cluster } from '../../../src/kernel/cluster.js';
import { toCluster } from '../../../src/kernel/config/cluster-file.js';
import { makeCluster } from '../../../src/kernel/config/new-cluster.js';
import {
  type Credential,
  certificateFor,
  issueAuthority,
  newCertificateKey,
  newStatementKey,
  rawPublicKey,
} from '../../../src/kernel/config/x509.js';
import { type Approval, encodeApproval } from '../../../src/kernel/enrollment/approval.js';
import { encodeRecord } from '../../../src/kernel/enrollment/record.js';
import {
  type EnrollmentRequest,
  type ParticipantRequest,
  pointOf,
  publicKeyOf,
  type SignedRequest,
  signRequest,
} from '../../../src/kernel/enrollment/request.js';
import { participantId, replicaId } from '../../../src/kernel/ids.js';
import { ed25519Signer, type Sign } from '../../../src/kernel/keys.js';

export interface Host {
  readonly cluster: Cluster;
  readonly authority: Credential;
  /** Of each coordinator. */
  readonly signs: readonly Sign[];
}

/** A cluster of four coordinators, of which one may lie. */
export function host(clusterId = 'test'): Host {
  const authority = issueAuthority(clusterId);
  const layout = { kind: 'local', host: '127.0.0.1', basePort: 7000 } as const;
  const made = makeCluster({ clusterId, f: 1, layout }, authority);
  const signs = made.nodes.flatMap((node) =>
    node.role === 'coordinator' ? [ed25519Signer(node.statementKey)] : [],
  );
  return { cluster: toCluster(made.cluster), authority, signs };
}

export interface Newcomer {
  readonly keys: { readonly privateKey: string; readonly statementKey: string };
  readonly request: ParticipantRequest;
  readonly signed: SignedRequest;
}

/** Keys of its own. */
export function newKeys(): Newcomer['keys'] {
  const { privateKey } = newCertificateKey();
  return { privateKey, statementKey: newStatementKey().privateKey };
}

/** A participant that asks to join, with keys of its own. */
export function newcomer(
  { cluster }: Pick<Host, 'cluster'>,
  changes: Partial<ParticipantRequest> = {},
  keys = newKeys(),
): Newcomer {
  const request: ParticipantRequest = {
    role: 'participant',
    cluster: cluster.id,
    name: participantId('hotel'),
    url: 'http://127.0.0.1:7900',
    statementKey: rawPublicKey(keys.statementKey),
    key: pointOf(keys.privateKey),
    ...changes,
  };
  return { keys, request, signed: signRequest(request, keys) };
}

/** The approvals of these coordinators. */
export function approvalsOf(
  { cluster, signs }: Host,
  signed: SignedRequest,
  replicas: readonly number[] = [0, 1, 2],
): Approval[] {
  return replicas.map((index) => {
    const replica = replicaId(index);
    const bytes = encodeApproval(cluster.id, signed, replica);
    return { replica, signature: signs[index]?.(bytes) ?? new Uint8Array(64) };
  });
}

/** What the authority makes of a request. */
export function certificateOf(
  { authority }: Pick<Host, 'authority'>,
  request: EnrollmentRequest,
  { now = new Date(), unit = request.role as string }: { now?: Date; unit?: string } = {},
): string {
  const key = publicKeyOf(request.key).export({ type: 'spki', format: 'pem' }).toString();
  const { name: commonName, cluster: organization } = request;
  const subject = { commonName, unit, organization };
  return certificateFor(key, authority, subject, { hosts: ['127.0.0.1'], days: 30, now });
}

/** A newcomer's record, as three coordinators approve it. */
export function recordOf(at: Host, { request, signed }: Newcomer, now?: Date): Uint8Array {
  const certificate = certificateOf(at, request, now === undefined ? {} : { now });
  return encodeRecord({ request: signed, approvals: approvalsOf(at, signed), certificate });
}
