import { join } from 'node:path';
import type { Cluster, FrontMember, Member, ParticipantMember } from '../cluster.js';
import { participantsMax } from '../config/cluster-file.js';
import { ConfigError } from '../config/config-error.js';
import { EnrollmentError } from './enrollment-error.js';
import { filesIn, replaceFile } from './files.js';
import { type EnrollmentRecord, requireBegun, verifyRecord } from './record.js';

/** What became of a record: `renewed` where its certificate took the place of an older one. */
export type Admission = 'admitted' | 'renewed' | 'known';

/**
 * The participants of a cluster at a node that runs: those of the cluster's file, and those whose records the node has
 * verified. A record is on disk before it counts.
 */
export class Members {
  /** The file's, but for its participants: those that are known now. */
  readonly cluster: Cluster;
  readonly #file: Cluster;
  readonly #dataDir: string;
  readonly #records = new Map<string, EnrollmentRecord>();
  #participants: readonly ParticipantMember[];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: Cluster, dataDir: string) {
    this.#file = file;
    this.#dataDir = dataDir;
    this.#participants = file.participants;
    const participants = () => this.#participants;
    this.cluster = {
      ...file,
      get participants() {
        return participants();
      },
    };
  }

  /** Throws `ConfigError`, which names the file, where a record on disk is damaged or does not fit the cluster's file. */
  static async open(file: Cluster, { dataDir }: { readonly dataDir: string }): Promise<Members> {
    const members = new Members(file, dataDir);
    for (const { path, bytes } of await filesIn(recordsDirectory(dataDir))) {
      try {
        members.#take(members.#verified(bytes));
      } catch (error) {
        if (!(error instanceof EnrollmentError)) throw error;
        throw new ConfigError(
          `${path}: ${error.message}; remove it, and have "concordat admit" send the record again`,
          { cause: error },
        );
      }
    }
    return members;
  }

  /**
   * Admits the participant of a record, which anybody may bring, and writes it to disk first. Throws
   * `EnrollmentError` where it does not verify, or is not for a participant that can be admitted.
   */
  async admit(bytes: Uint8Array): Promise<Admission> {
    const record = this.#verified(bytes);
    requireBegun(record, Date.now());
    const admitted = this.#last.then(() => this.#admit(record));
    this.#last = admitted.catch(() => {});
    return admitted;
  }

  /** The record of a participant that is not of the file. */
  record(name: string): Uint8Array | undefined {
    return this.#records.get(name)?.file;
  }

  /** Where its record lies, once it is admitted. */
  static pathOf(dataDir: string, name: string): string {
    return join(recordsDirectory(dataDir), `${name}.record`);
  }

  async #admit(record: EnrollmentRecord): Promise<Admission> {
    const admission = this.#judge(record);
    if (admission === 'known') return admission;
    await replaceFile(this.#pathOf(record), record.file);
    this.#take(record);
    return admission;
  }

  #pathOf({ member }: EnrollmentRecord): string {
    return Members.pathOf(this.#dataDir, member.name);
  }

  /** Verifying takes some milliseconds, and anybody may send what is known. */
  #verified(bytes: Uint8Array): EnrollmentRecord {
    for (const record of this.#records.values()) {
      if (Buffer.from(record.file).equals(bytes)) return record;
    }
    return verifyRecord(this.#file, bytes);
  }

  #take(record: EnrollmentRecord): void {
    const { member } = record;
    if (this.#judge(record) === 'known') return;
    this.#records.set(member.name, record);
    const others = this.#participants.filter(({ name }) => name !== member.name);
    this.#participants = [...others, member];
  }

  #judge(record: EnrollmentRecord): Admission {
    const { member, request } = record;
    const listed = this.#file.participants.find((each) => isSameMember(each, member));
    if (listed && !isLater(member, listed)) return 'known';
    const before = this.#records.get(member.name);
    if (before && Buffer.from(before.request.bytes).equals(request.bytes)) {
      return isLater(member, before.member) ? 'renewed' : 'known';
    }
    if (listed) return 'renewed';
    requireFree(this.cluster, member);
    return 'admitted';
  }
}

/**
 * Whether the certificate takes the other's place. All nodes come to the same one of two, in whatever order they receive
 * them. The one that `init` made has no date in the file, and stays.
 */
export function isLater(one: ParticipantMember, other: ParticipantMember): boolean {
  if (one.validFromMs === undefined || other.validFromMs === undefined) return false;
  if (one.validFromMs !== other.validFromMs) return one.validFromMs > other.validFromMs;
  return one.certificateSha256 > other.certificateSha256;
}

function recordsDirectory(dataDir: string): string {
  return join(dataDir, 'members');
}

/** Whether the file lists just this participant, by whichever certificate. */
export function isSameMember(listed: Known, { name, url, statementKey }: Known): boolean {
  return listed.name === name && listed.url === url && listed.statementKey === statementKey;
}

type Known = Pick<Member, 'name' | 'url' | 'statementKey'>;

/** Throws `EnrollmentError` where the newcomer would share its name, address or key with a member, or there is no room. */
export function requireFree(cluster: Cluster, newcomer: Known): void {
  for (const member of membersOf(cluster)) {
    const field = sharedField(member, newcomer);
    if (field !== undefined) throw taken(field, newcomer.name, member.name);
  }
  if (cluster.participants.length >= participantsMax) {
    throw new EnrollmentError('full', `the cluster has ${participantsMax} participants already`);
  }
}

/** Throws `EnrollmentError` where a member has the name. */
export function requireFreeName(cluster: Cluster, name: string): void {
  if (membersOf(cluster).some((member) => member.name === name)) throw taken('name', name, name);
}

function membersOf({ coordinators, initiators, participants, fronts }: Cluster): FrontMember[] {
  return [...coordinators, ...initiators, ...participants, ...fronts];
}

/** What the newcomer has in common with another party, and may not. */
export function sharedField(
  other: Omit<Known, 'statementKey'> & Partial<Known>,
  { name, url, statementKey }: Known,
): keyof Known | undefined {
  if (other.name === name) return 'name';
  if (new URL(other.url).href === new URL(url).href) return 'url';
  return other.statementKey === statementKey ? 'statementKey' : undefined;
}

function taken(field: string, name: string, other: string): EnrollmentError {
  return new EnrollmentError('taken', `the ${field} of "${name}" is that of the member "${other}"`);
}
