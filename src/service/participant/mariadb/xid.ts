import { digestOfText } from '../../../kernel/digest.js';
import type { ClusterId, ParticipantId } from '../../../kernel/ids.js';
import type { EnlistmentRef } from '../../../transaction/participant/messages.js';

/** What tells our identifiers from those of other transaction managers at the server: `CNDT`. */
export const formatId = 0x434e4454;
/** XA takes no longer branch qualifier. */
const bqualBytesMax = 64;
/** Of the branch qualifier, what the participant's name has: the enlistment keeps room for half a digest. */
const ownerBytesMax = 18;
/** Of it, what the digest of cluster and database has. */
const realmBytes = 12;
/** Of a transaction's id, which is the global part. */
const gtridBytes = 36;

/**
 * What the branch qualifiers of a participant begin with: its name, and a digest of its cluster and database, for others at
 * the server may have its name. No name has a colon: none begins another one.
 */
export function ownerOf(
  participant: ParticipantId,
  database: string,
  cluster: ClusterId | undefined,
): string {
  const realm = digestOfText(`${cluster ?? ''}:${database}`).slice(0, realmBytes);
  return `${shortened(participant, ownerBytesMax)}:${realm}:`;
}

/**
 * The identifier of one call's transaction: `TRANSACTION:PARTICIPANT:REALM:ENLISTMENT`. The transaction is XA's global part
 * (`gtrid`), the rest the branch qualifier. What is too long for XA is hashed.
 */
export function xidOf(owner: string, { tid, enlistment }: EnlistmentRef): string {
  return `${tid}:${owner}${shortened(enlistment, bqualBytesMax - owner.length)}`;
}

/** As XA statements take it. All of it is ASCII, and needs no quoting in SQL. */
export function sqlOf(xid: string): string {
  return `'${xid.slice(0, gtridBytes)}','${xid.slice(gtridBytes + 1)}',${formatId}`;
}

/** A row of `XA RECOVER`. */
export interface RecoverRow {
  readonly formatID: bigint | number;
  readonly gtrid_length: bigint | number;
  readonly data: Uint8Array | string;
}

/** The identifier, or undefined where it is another transaction manager's. */
export function readXid({ formatID, gtrid_length, data }: RecoverRow): string | undefined {
  if (Number(formatID) !== formatId || Number(gtrid_length) !== gtridBytes) return undefined;
  const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
  return `${text.slice(0, gtridBytes)}:${text.slice(gtridBytes)}`;
}

/** Whether that participant has prepared it. */
export function isOf(owner: string, xid: string): boolean {
  return xid.startsWith(owner, gtridBytes + 1);
}

/** The name of a lock of the server's that a connection holds as long as it is there. Letters' case tells no two apart. */
export function lockNameOf(owner: string, slot: string): string {
  return `concordat:${digestOfText(owner).slice(0, 32)}:${slot}`;
}

function shortened(text: string, bytes: number): string {
  return text.length <= bytes ? text : digestOfText(text).slice(0, bytes);
}
