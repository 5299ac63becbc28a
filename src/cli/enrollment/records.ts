import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Cluster, ParticipantMember } from '../../kernel/cluster.js';
import { type ClusterFile, clusterSchema, toCluster } from '../../kernel/config/cluster-file.js';
import { ConfigError, check, readJson } from '../../kernel/config/config-error.js';
import { approvalMagic, readApproval } from '../../kernel/enrollment/approval.js';
import { replaceFile } from '../../kernel/enrollment/files.js';
import {
  type Admission,
  isLater,
  isSameMember,
  requireFree,
} from '../../kernel/enrollment/members.js';
import {
  type EnrollmentRecord,
  encodeRecord,
  recordMagic,
  requireBegun,
  requireCertificate,
  verifyRecord,
} from '../../kernel/enrollment/record.js';
import { readRequest, requestMagic } from '../../kernel/enrollment/request.js';
import { httpPost } from '../../kernel/http/http-get.js';
import { Keyring } from '../../kernel/keys.js';
import { loadPublic } from '../client.js';

/** Files of an enrollment by what they are, in whichever order they were named. */
interface Parts {
  readonly requests: Uint8Array[];
  readonly approvals: Uint8Array[];
  readonly certificates: string[];
  readonly records: Uint8Array[];
}

/**
 * The record that the files come to: one that is there already, or the request, the certificate and approvals in any
 * order. Throws `EnrollmentError` where it would not verify, `ConfigError` where a file is missing or is none of these.
 */
export async function recordOf(
  cluster: Cluster,
  paths: readonly string[],
): Promise<EnrollmentRecord> {
  const { requests, approvals, certificates, records } = await sorted(paths);
  const [record, ...more] = records;
  if (record && paths.length === 1) return verifyRecord(cluster, record);
  const [request] = requests;
  const [certificate] = certificates;
  if (record || more.length > 0 || requests.length !== 1 || certificates.length !== 1) {
    throw new ConfigError('name a record alone, or one request, one certificate and its approvals');
  }
  return made(cluster, request ?? new Uint8Array(), certificate ?? '', approvals);
}

function made(
  cluster: Cluster,
  requestFile: Uint8Array,
  certificate: string,
  approvalFiles: readonly Uint8Array[],
): EnrollmentRecord {
  const keyring = Keyring.shared(cluster);
  const request = readRequest(cluster.id, requestFile);
  requireCertificate(cluster, request.request, certificate);
  const approvals = approvalFiles
    .map((file) => readApproval(cluster, keyring, request, file))
    .sort((left, right) => left.replica - right.replica)
    // A file named twice is no second approval.
    .filter(({ replica }, index, all) => all[index - 1]?.replica !== replica);
  return verifyRecord(cluster, encodeRecord({ request, approvals, certificate }));
}

async function sorted(paths: readonly string[]): Promise<Parts> {
  const parts: Parts = { requests: [], approvals: [], certificates: [], records: [] };
  for (const path of paths) {
    const file = await readBytes(path);
    const text = Buffer.from(file).toString('latin1');
    if (text.startsWith(requestMagic)) parts.requests.push(file);
    else if (text.startsWith(approvalMagic)) parts.approvals.push(file);
    else if (text.startsWith(recordMagic)) parts.records.push(file);
    else if (text.includes('-----BEGIN CERTIFICATE-----')) parts.certificates.push(text);
    else throw new ConfigError(`${path}: no request, approval, certificate or record`);
  }
  return parts;
}

export async function readBytes(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path));
}

/** What a node answered to a record: nothing but its name where it did not answer. */
export interface Answer {
  readonly name: string;
  readonly admission?: Admission | undefined;
  /** Why it refused. */
  readonly refusal?: string | undefined;
}

const answerBounds = { timeoutMs: 10_000, maxBytes: 65_536 };

/** Sends a record to every node that the cluster's file names, the newcomer aside. */
export async function sendRecord(
  cluster: Cluster,
  { member, file }: EnrollmentRecord,
): Promise<Answer[]> {
  const { coordinators, initiators, participants, fronts } = cluster;
  const nodes = [...coordinators, ...initiators, ...participants, ...fronts];
  return Promise.all(
    nodes
      .filter(({ name }) => name !== member.name)
      .map(async ({ name, url }) => ({ name, ...(await sendTo(url, file)) })),
  );
}

async function sendTo(url: string, file: Uint8Array): Promise<Omit<Answer, 'name'>> {
  const answer = await httpPost(`${url}/members`, file, answerBounds);
  if (answer === undefined) return {};
  const read = answerSchema.safeParse(parsed(answer.body));
  const { admission, error, message } = read.data ?? {};
  if (admission !== undefined) return { admission };
  return { refusal: message ?? error ?? `HTTP status ${answer.status}` };
}

const answerSchema = z.object({
  admission: z.enum(['admitted', 'renewed', 'known']).optional(),
  error: z.string().optional(),
  message: z.string().optional(),
});

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Writes a cluster file with the participants of the records in it, for verifiers of proofs and clients. Gives their names.
 * Throws `EnrollmentError` where a record does not verify, or does not fit the file.
 */
export async function merge(
  clusterFile: string,
  records: readonly string[],
  output: string,
): Promise<{ participants: string[] }> {
  const cluster = await loadPublic(clusterFile);
  let merged = await readJson(clusterFile, clusterSchema);
  const names: string[] = [];
  for (const path of records) {
    const record = verifyRecord(cluster, await readBytes(path));
    requireBegun(record, Date.now());
    merged = withMember(merged, record.member);
    names.push(record.member.name);
  }
  const checked = check(output, clusterSchema, merged);
  const text = `${JSON.stringify(checked, null, 2)}\n`;
  await replaceFile(output, Buffer.from(text), 0o644);
  return { participants: names };
}

/** A renewal that the file has already stays. */
function withMember(file: ClusterFile, member: ParticipantMember): ClusterFile {
  const { participants } = toCluster(file);
  const listed = participants.find((each) => isSameMember(each, member));
  if (listed && isLater(listed, member)) return file;
  const others = participants.filter((each) => each !== listed);
  requireFree(toCluster({ ...file, participants: others }), member);
  return { ...file, participants: [...others, member] };
}
