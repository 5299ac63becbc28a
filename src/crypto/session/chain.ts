import { hash } from 'node:crypto';
import type { ClusterId, Digest } from '../../vocabulary/ids.js';
import type {
  SessionHeader,
  SessionId,
  SessionOperation,
  SessionRun,
} from '../../vocabulary/session.js';
import { sha256 } from '../digest.js';

const utf8 = new TextEncoder();

/** A session's id; its first head. */
export function sessionIdOf(cluster: ClusterId, header: SessionHeader): SessionId {
  const certificate = sha256(header.certificate);
  const nonce = Buffer.from(header.nonce).toString('hex');
  return digestOfLines(
    'concordat/1 session',
    cluster,
    header.application,
    header.owner,
    certificate,
    nonce,
  ) as SessionId;
}

/** The head after an operation: names it and all before it. */
export function headAfter(before: Digest, sequence: number, operation: SessionOperation): Digest {
  const payload = digestOfText(operation.kind === 'call' ? operation.payload : '');
  return digestOfLines('concordat/1 operation', before, String(sequence), operation.kind, payload);
}

/** The head after each operation in a row. */
export function headsOf(run: Pick<SessionRun, 'first' | 'before' | 'operations'>): Digest[] {
  let head = run.before;
  return run.operations.map((operation, index) => {
    head = headAfter(head, run.first + index, operation);
    return head;
  });
}

/** What the owner signs: all operations up to the one with this number. */
export function ownerText(
  cluster: ClusterId,
  session: SessionId,
  sequence: number,
  head: Digest,
): Uint8Array {
  return utf8.encode(
    ['concordat/1 session operation', cluster, session, String(sequence), head].join('\n'),
  );
}

/** The history's digest before the first position. */
export function firstHistory(cluster: ClusterId): Digest {
  return digestOfLines('concordat/1 history', cluster);
}

/** SHA-256 of the text's UTF-8. */
export function digestOfText(text: string): Digest {
  return hash('sha256', text, 'hex') as Digest;
}

function digestOfLines(...lines: readonly string[]): Digest {
  return digestOfText(lines.join('\n'));
}
