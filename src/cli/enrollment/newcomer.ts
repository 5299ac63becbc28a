import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { loadCluster, nodeNameField, urlField } from '../../kernel/config/cluster-file.js';
import { ConfigError, check } from '../../kernel/config/config-error.js';
import {
  type ListenAddress,
  loadNewcomer,
  type NewcomerFile,
  nodeSchema,
} from '../../kernel/config/node-file.js';
import { newCertificateKey, newStatementKey, rawPublicKey } from '../../kernel/config/x509.js';
import { sha256 } from '../../kernel/digest.js';
import { createFile, replaceFile } from '../../kernel/enrollment/files.js';
import { Members, requireFree, requireFreeName } from '../../kernel/enrollment/members.js';
import { requireBegun, requireCertificate, verifyRecord } from '../../kernel/enrollment/record.js';
import { type ParticipantRequest, pointOf, signRequest } from '../../kernel/enrollment/request.js';
import { participantId } from '../../kernel/ids.js';
import { StoreError } from '../../kernel/store/mark.js';
import { createStore } from '../../kernel/store/store.js';
import { loadPublic } from '../client.js';

interface Shared {
  readonly name: string;
  /** The cluster's public file. */
  readonly clusterFile: string;
  /** Where the newcomer's private file goes. */
  readonly nodeFile: string;
  /** Where the request goes. */
  readonly requestFile: string;
}

export type Newcomer =
  | (Shared & { readonly role: 'client' })
  | (Shared & {
      readonly role: 'participant';
      readonly url: string;
      readonly listen: ListenAddress;
      /** Path of its module; a bank without accounts unless given. */
      readonly service?: string | undefined;
    });

/**
 * Makes a newcomer's keys and writes its private file, which waits for its certificate, and its request. Gives
 * the SHA-256 of the request, to compare it by. Throws
 * `ConfigError` where a file is there already, `EnrollmentError` where its name or address is a member's.
 */
export async function enroll(newcomer: Newcomer): Promise<{ files: string[]; sha256: string }> {
  const { nodeFile, requestFile } = newcomer;
  const cluster = await loadPublic(newcomer.clusterFile);
  const { node, request } = made(newcomer, cluster);
  const { file, bytes } = signRequest(request, node);
  if (!(await createFile(nodeFile, json(node)))) {
    throw new ConfigError(`${nodeFile} exists already; choose another name, or remove it`);
  }
  await writeFile(requestFile, file);
  return { files: [nodeFile, requestFile], sha256: sha256(bytes) };
}

function made(newcomer: Newcomer, cluster: Cluster) {
  const name = participantId(check('name', nodeNameField, newcomer.name));
  const { privateKey } = newCertificateKey();
  const clusterFile = relative(dirname(resolve(newcomer.nodeFile)), resolve(newcomer.clusterFile));
  const own = { name, clusterFile, privateKey };
  const asked = { cluster: cluster.id, name, key: pointOf(privateKey) };
  if (newcomer.role === 'client') {
    requireFreeName(cluster, name);
    const role = 'client' as const;
    return { node: { role, ...own }, request: { role, ...asked } };
  }
  const { listen, service } = newcomer;
  const url = check('url', urlField, newcomer.url);
  const { privateKey: statementKey, publicKey } = newStatementKey();
  const request = { role: 'participant', ...asked, url, statementKey: publicKey } as const;
  requireFree(cluster, request);
  return {
    request,
    node: {
      role: 'participant' as const,
      ...own,
      listen,
      statementKey,
      dataDir: join('..', 'data', name),
      accounts: [],
      ...(service !== undefined && { service: resolve(service) }),
    },
  };
}

/**
 * Puts its certificate into a newcomer's private file, and makes what it starts with. A participant joins by its record, a
 * client by its certificate; a later one renews the certificate. Throws `EnrollmentError` or `ConfigError` where that is
 * not the newcomer's own.
 */
export async function joinCluster(nodeFile: string, file: string): Promise<{ files: string[] }> {
  const node = await loadNewcomer(nodeFile);
  const cluster = await loadCluster(resolve(dirname(nodeFile), node.clusterFile));
  const bytes = await readFile(file);
  if (node.role === 'client') {
    const certificate = bytes.toString('utf8');
    const name = participantId(node.name);
    const asked = { cluster: cluster.id, name, key: pointOf(node.privateKey) };
    requireCertificate(cluster, { role: 'client', ...asked }, certificate);
    return { files: [await complete(nodeFile, node, certificate)] };
  }
  const record = verifyRecord(cluster, new Uint8Array(bytes));
  requireOwn(record.request.request, node, nodeFile);
  requireBegun(record, Date.now());
  const dataDir = resolve(dirname(nodeFile), node.dataDir);
  if (node.certificate === undefined) await makeStore(join(dataDir, 'store'));
  const recordFile = Members.pathOf(dataDir, node.name);
  await replaceFile(recordFile, record.file);
  return { files: [recordFile, await complete(nodeFile, node, record.certificate)] };
}

/** Throws `ConfigError` unless the record is of the node whose private file this is. */
function requireOwn(
  { name, statementKey, key }: ParticipantRequest,
  node: Extract<NewcomerFile, { role: 'participant' }>,
  nodeFile: string,
): void {
  const isOwn =
    name === node.name &&
    statementKey === rawPublicKey(node.statementKey) &&
    Buffer.from(key).equals(pointOf(node.privateKey));
  if (isOwn) return;
  throw new ConfigError(`${nodeFile}: the record of "${name}" is not for the keys in this file`);
}

/** A node that waits for its certificate has never run: a store that is there is what a broken `join` left. */
async function makeStore(directory: string): Promise<void> {
  try {
    await createStore(directory);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'exists')) throw error;
  }
}

/** Gives the path of the file, now complete. */
async function complete(path: string, node: NewcomerFile, certificate: string): Promise<string> {
  const completed = check(path, nodeSchema, { ...node, certificate });
  await replaceFile(path, json(completed));
  return path;
}

function json(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
