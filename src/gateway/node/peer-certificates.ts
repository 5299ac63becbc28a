import { hash, type X509Certificate } from 'node:crypto';
import { ConfigError } from '../../kernel/config/config-error.js';
import { isSameName } from '../../kernel/config/distinguished-name.js';
import type { PlainSignatures } from '../../kernel/config/plain-service.js';
import { subjectKeyIdentifier } from '../../kernel/config/x509.js';
import type { KnownKeyReference } from '../../soap/key-info.js';
import { signatureMethodOf } from '../../soap/signing.js';
import { isValidAt, lineOf, readAuthorities, readCertificates } from './pem-files.js';

/** The certificates by which one peer signs. */
export interface PeerCertificates {
  readonly name: string;
  readonly pinned: readonly X509Certificate[];
  readonly authorities: readonly X509Certificate[];
  /** Of certificates of the authorities. */
  readonly subjects: readonly string[];
}

/** Throws `ConfigError`, which names the file. */
export async function readPeerCertificates(
  peers: PlainSignatures['peers'],
): Promise<readonly PeerCertificates[]> {
  const read = peers.map(async ({ name, certificates, authorities, subjects = [] }) => ({
    ...{ name, subjects },
    pinned: certificates === undefined ? [] : await readPinned(certificates),
    authorities: authorities === undefined ? [] : await readAuthorities(authorities),
  }));
  const all = await Promise.all(read);
  const pinned = all.flatMap((peer) => peer.pinned.map((certificate) => ({ peer, certificate })));
  for (const { peer, certificate } of pinned) {
    const other = pinned.find(
      (each) => each.peer !== peer && isSame(each.certificate, certificate),
    );
    if (other === undefined) continue;
    const subject = lineOf(certificate.subject);
    throw new ConfigError(
      `"${peer.name}" and "${other.peer.name}" have one certificate: ${subject}`,
    );
  }
  return all;
}

async function readPinned(file: string): Promise<readonly X509Certificate[]> {
  const certificates = await readCertificates(file);
  for (const { publicKey, subject } of certificates) {
    try {
      signatureMethodOf(publicKey);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new ConfigError(`${file}: "${lineOf(subject)}": ${error.message}`);
    }
  }
  return certificates;
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}

/** Whose certificate it is; nobody's where it might be that of two. Its own time is for the caller to look at. */
export function ownerOf(
  peers: readonly PeerCertificates[],
  certificate: X509Certificate,
  nowMs: number,
): string | undefined {
  const pinnedBy = peers.find(({ pinned }) => pinned.some((each) => isSame(each, certificate)));
  if (pinnedBy !== undefined) return pinnedBy.name;
  const [owner, ...more] = peers.filter((peer) => hasIssued(peer, certificate, nowMs));
  return more.length > 0 ? undefined : owner?.name;
}

function hasIssued(
  { authorities, subjects }: PeerCertificates,
  certificate: X509Certificate,
  nowMs: number,
): boolean {
  if (certificate.ca || !subjects.some((subject) => isSameName(subject, certificate.subject))) {
    return false;
  }
  return authorities.some(
    (authority) =>
      isValidAt(authority, nowMs) &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey),
  );
}

/** The pinned certificate that a message refers to; none where there are two. */
export function findPinned(
  peers: readonly PeerCertificates[],
  reference: KnownKeyReference,
): X509Certificate | undefined {
  const pinned = peers.flatMap((peer) => peer.pinned);
  const [found, ...more] = pinned.filter((certificate) => isMeant(certificate, reference));
  return more.length > 0 ? undefined : found;
}

function isMeant(certificate: X509Certificate, reference: KnownKeyReference): boolean {
  switch (reference.kind) {
    case 'subject-key':
      return subjectKeyIdentifier(certificate) === reference.identifier;
    case 'thumbprint':
      return hash('sha1', certificate.raw, 'base64') === reference.sha1;
    case 'issuer-serial':
      return (
        BigInt(`0x${certificate.serialNumber}`) === BigInt(reference.serial) &&
        isSameName(certificate.issuer, reference.issuer)
      );
  }
}
