import { createHash } from 'node:crypto';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Cluster, CoordinatorMember } from '../cluster.js';

/** A node's own certificate and private key, PEM. */
export interface PeerCredential {
  readonly certificate: string;
  readonly privateKey: string;
}

/**
 * TLS 1.3 with certificates of the cluster's authority on both ends. That alone does not distinguish a
 * coordinator from any other node of the cluster: see `coordinatorOf`.
 */
export function tlsOptions(
  cluster: Cluster,
  { certificate, privateKey }: PeerCredential,
): SecureContextOptions {
  return {
    ca: cluster.authority,
    cert: certificate,
    key: privateKey,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  };
}

/** Why TLS failed, on one line: OpenSSL's own message has numbers, files and a line feed in it. */
export function tlsFailure(error: Error): string {
  const [line = ''] = error.message.split('\n');
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : line;
}

/** The coordinator whose certificate the other end has shown and proved to own the key of. */
export function coordinatorOf(cluster: Cluster, socket: TLSSocket): CoordinatorMember | undefined {
  const raw = socket.getPeerX509Certificate()?.raw;
  if (!socket.authorized || raw === undefined) return undefined;
  const shown = createHash('sha256').update(raw).digest('hex');
  return cluster.coordinators.find(({ certificateSha256 }) => certificateSha256 === shown);
}
