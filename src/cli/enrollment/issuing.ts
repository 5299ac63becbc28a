import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCluster } from '../../kernel/config/cluster-file.js';
import { isMissing } from '../../kernel/config/config-error.js';
import { certificateFor } from '../../kernel/config/x509.js';
import { EnrollmentError } from '../../kernel/enrollment/enrollment-error.js';
import { createFile } from '../../kernel/enrollment/files.js';
import { requireFreeName } from '../../kernel/enrollment/members.js';
import { type Point, pointOf, publicKeyOf, readRequest } from '../../kernel/enrollment/request.js';
import { issuedPath, loadAuthority } from '../init.js';

/**
 * Issues the certificate that a request asks for, PEM, and keeps that the name's key is this one: no certificate is
 * issued to it for another. Throws `EnrollmentError` where it must not be issued, `ConfigError` where the authority's key
 * is not in the directory.
 */
export async function issue(
  file: Uint8Array,
  { directory, days }: { readonly directory: string; readonly days: number },
): Promise<string> {
  const cluster = await loadCluster(join(directory, 'cluster.json'));
  const authority = await loadAuthority(directory, cluster);
  const { request } = readRequest(cluster.id, file);
  const { name, role, key } = request;
  requireFreeName(cluster, name);
  await requireSameKey(join(directory, 'nodes', `${name}.json`), name, key);
  const issued = issuedPath(directory, name);
  if (!(await createFile(issued, file))) {
    const before = readRequest(cluster.id, new Uint8Array(await readFile(issued)));
    if (before.request.role !== role || !isSame(before.request.key, key)) throw otherKey(name);
  }
  return certificateFor(
    publicKeyOf(key).export({ type: 'spki', format: 'pem' }).toString(),
    authority,
    { commonName: name, unit: role, organization: cluster.id },
    { hosts: request.role === 'participant' ? [hostOf(request.url)] : [], days },
  );
}

/** As a certificate has it: an IPv6 address without brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** A private file in the directory is of a client that `init` or `add-client` made, or of this newcomer. */
async function requireSameKey(path: string, name: string, key: Point): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return;
  const { privateKey }: { readonly privateKey?: unknown } = JSON.parse(text);
  if (!isSame(pointOf(String(privateKey)), key)) throw otherKey(name);
}

function isSame(left: Point, right: Point): boolean {
  return Buffer.from(left).equals(right);
}

function otherKey(name: string): EnrollmentError {
  return new EnrollmentError('taken', `"${name}" has a certificate for another key`);
}
