import { join } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { loadCluster, participantsMax } from '../../kernel/config/cluster-file.js';
import { type CoordinatorNode, ownMember } from '../../kernel/config/node-file.js';
import { signApproval } from '../../kernel/enrollment/approval.js';
import { EnrollmentError } from '../../kernel/enrollment/enrollment-error.js';
import { createFile, exclusively, filesIn } from '../../kernel/enrollment/files.js';
import { Members, requireFree, sharedField } from '../../kernel/enrollment/members.js';
import {
  type ParticipantRequest,
  readRequest,
  type SignedRequest,
} from '../../kernel/enrollment/request.js';
import { ed25519Signer } from '../../kernel/keys.js';

/**
 * Approves a participant's request with a coordinator's statement key: the approval's file. What the coordinator
 * approves is on its disk first, and it approves nothing else for that name, address or key, ever. Throws
 * `EnrollmentError` where it must not approve.
 */
export async function approve(file: Uint8Array, node: CoordinatorNode): Promise<Uint8Array> {
  const { cluster } = await Members.open(await loadCluster(node.clusterFile), node);
  const self = ownMember(cluster, node);
  const signed = readRequest(cluster.id, file);
  const { request } = signed;
  if (request.role === 'client') {
    const why = `"${request.name}" is a client, which no coordinator approves; "concordat issue" takes its request`;
    throw new EnrollmentError('malformed', why);
  }
  requireFree(cluster, request);
  const directory = join(node.dataDir, 'approvals');
  const lock = `${directory}.lock`;
  await exclusively(lock, () => keepApproved(directory, signed, request, cluster));
  return signApproval(cluster.id, signed, self.id, ed25519Signer(node.statementKey));
}

async function keepApproved(
  directory: string,
  { bytes, file }: SignedRequest,
  request: ParticipantRequest,
  cluster: Cluster,
): Promise<void> {
  const approved = (await filesIn(directory)).map((each) => ({
    ...each,
    ...readRequest(request.cluster, each.bytes),
  }));
  for (const other of approved) {
    if (Buffer.from(other.bytes).equals(bytes)) return;
    requireDistinct(other.request, request);
  }
  const names = approved.map((other) => other.request.name);
  requireRoom(cluster, names);
  const path = join(directory, `${request.name}.request`);
  if (await createFile(path, file)) return;
  throw approvedOther('name', request);
}

/**
 * Nodes take records in any order, so there may never be more than all of them have room for. More than half of the correct
 * coordinators approve each: together fewer than twice as many records as one of them may approve.
 */
function requireRoom({ participants }: Cluster, approved: readonly string[]): void {
  const others = participants.filter(({ name }) => !approved.includes(name)).length;
  if (others + 2 * (approved.length + 1) <= participantsMax) return;
  const why =
    `of ${participantsMax} participants there are ${others}, and this coordinator has approved ${approved.length} more; ` +
    'each of these counts twice, as other coordinators may approve others';
  throw new EnrollmentError('full', why);
}

function requireDistinct(other: SignedRequest['request'], request: ParticipantRequest): void {
  const field = other.role === 'participant' ? sharedField(other, request) : undefined;
  if (field !== undefined) throw approvedOther(field, request);
}

function approvedOther(field: string, request: ParticipantRequest): EnrollmentError {
  const why =
    `this coordinator has approved another request with the ${field} of "${request.name}"; ` +
    'two of them may never be approved';
  return new EnrollmentError('taken', why);
}
