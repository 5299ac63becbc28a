import { type ClusterId, clusterId } from '../vocabulary/ids.js';
import { WireError } from './error.js';
import { choice, readName, writeName } from './fields.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** What a signature is for. The three phases differ here, so that none passes for another. */
export type SignedKind =
  | 'activation'
  | 'completion'
  | 'registration'
  | 'vote'
  | 'acknowledgement'
  | 'invitation'
  | 'proposal'
  | 'pre-prepare'
  | 'prepare'
  | 'commit'
  | 'view-change'
  | 'new-view';

const domain = new TextEncoder().encode('concordat/1');
const signedKind = choice<SignedKind>(
  'activation',
  'completion',
  'registration',
  'vote',
  'acknowledgement',
  'invitation',
  'proposal',
  'pre-prepare',
  'prepare',
  'commit',
  'view-change',
  'new-view',
);

/** Starts every signed text: the domain and its version, the kind, and the cluster that it is bound to. */
export function writeHeader(writer: Writer, kind: SignedKind, cluster: ClusterId): void {
  writer.raw(domain);
  signedKind.write(writer, kind);
  writeName(writer, cluster, clusterId);
}

/** Throws `WireError` for another domain, version or cluster. */
export function readHeader(reader: Reader, cluster: ClusterId): SignedKind {
  reader.literal(domain, 'a statement of this version');
  const kind = signedKind.read(reader);
  if (readName(reader, clusterId) !== cluster) throw new WireError('statement of another cluster');
  return kind;
}
