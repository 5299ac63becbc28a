import { unreachable } from '../../vocabulary/brand.js';
import type { ClusterId } from '../../vocabulary/ids.js';
import { sessionLimits } from '../../vocabulary/session.js';
import type {
  SessionFetch,
  SessionMessage,
  SessionMessageKind,
} from '../../vocabulary/session-messages.js';
import { WireError } from '../error.js';
import { checkRising, choice } from '../fields.js';
import { type Reader, readAll } from '../reader.js';
import { writeSigned } from '../signature.js';
import { Writer } from '../writer.js';
import { readCount, readSessionId, writeCount, writeSessionId } from './fields.js';
import { sessionWireLimits } from './limits.js';
import {
  readOutcome,
  readSessionCertificate,
  writeOutcome,
  writeSessionCertificate,
} from './proof.js';
import { readRun, writeRun } from './run.js';
import { readLane, readSessionSigned, readSubject, writeLane, writeSubject } from './statement.js';

const messageKind = choice<SessionMessageKind>(
  'run',
  'witness',
  'history',
  'final',
  'order',
  'attest',
  'attestation',
  'fetch',
);
const fetchKind = choice<SessionFetch['kind']>('run', 'final', 'order');

/** Throws `WireError` for a message that no peer would accept. */
export function encodeSessionMessage(message: SessionMessage): Uint8Array {
  const writer = new Writer();
  messageKind.write(writer, message.kind);
  writeContent(writer, message);
  const bytes = writer.finish();
  checkSize(bytes);
  return bytes;
}

/** Throws `WireError` unless the bytes are a message of this cluster; checks no signature. */
export function decodeSessionMessage(cluster: ClusterId, bytes: Uint8Array): SessionMessage {
  checkSize(bytes);
  return readAll(bytes, (reader) => readContent(reader, cluster, messageKind.read(reader)));
}

function writeContent(writer: Writer, message: SessionMessage): void {
  const { runOperations } = sessionLimits;
  switch (message.kind) {
    case 'run':
      writeRun(writer, message.run);
      checkRising(message.receipts, ({ statement }) => statement.sequence);
      return writer.list(message.receipts, runOperations, (one) => writeSigned(writer, one));
    case 'witness':
      checkRising(message.witnesses, ({ statement }) => statement.sequence);
      return writer.list(message.witnesses, runOperations, (one) => writeSigned(writer, one));
    case 'history':
      return writeSigned(writer, message.history);
    case 'final':
      writer.list(message.outcomes, sessionLimits.outcomes, (one) => writeOutcome(writer, one));
      return writeSessionCertificate(writer, message.certificate);
    case 'order':
      return writeSigned(writer, message.order);
    case 'attest':
      return writeSubject(writer, message.subject);
    case 'attestation':
      return writeSigned(writer, message.attestation);
    case 'fetch':
      return writeFetch(writer, message.what);
    default:
      return unreachable(message);
  }
}

function readContent(reader: Reader, cluster: ClusterId, kind: SessionMessageKind): SessionMessage {
  const { runOperations } = sessionLimits;
  switch (kind) {
    case 'run': {
      const run = readRun(reader);
      const receipts = reader.list(runOperations, () =>
        readSessionSigned(reader, cluster, 'receipt'),
      );
      checkRising(receipts, ({ statement }) => statement.sequence);
      return { kind, run, receipts };
    }
    case 'witness': {
      const witnesses = reader.list(runOperations, () =>
        readSessionSigned(reader, cluster, 'witness'),
      );
      checkRising(witnesses, ({ statement }) => statement.sequence);
      return { kind, witnesses };
    }
    case 'history':
      return { kind, history: readSessionSigned(reader, cluster, 'history') };
    case 'final': {
      const outcomes = reader.list(sessionLimits.outcomes, () => readOutcome(reader));
      return { kind, outcomes, certificate: readSessionCertificate(reader, cluster, 'history') };
    }
    case 'order':
      return { kind, order: readSessionSigned(reader, cluster, 'order') };
    case 'attest':
      return { kind, subject: readSubject(reader) };
    case 'attestation':
      return { kind, attestation: readSessionSigned(reader, cluster, 'attestation') };
    case 'fetch':
      return { kind, what: readFetch(reader) };
    default:
      return unreachable(kind);
  }
}

function writeFetch(writer: Writer, what: SessionFetch): void {
  fetchKind.write(writer, what.kind);
  switch (what.kind) {
    case 'run':
      writeSessionId(writer, what.session);
      return writeCount(writer, what.next);
    case 'final':
      return writeCount(writer, what.position);
    case 'order':
      writeLane(writer, what.lane);
      return writeCount(writer, what.number);
    default:
      return unreachable(what);
  }
}

function readFetch(reader: Reader): SessionFetch {
  const kind = fetchKind.read(reader);
  switch (kind) {
    case 'run': {
      const session = readSessionId(reader);
      return { kind, session, next: readCount(reader) };
    }
    case 'final':
      return { kind, position: readCount(reader) };
    case 'order': {
      const lane = readLane(reader);
      return { kind, lane, number: readCount(reader) };
    }
    default:
      return unreachable(kind);
  }
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > sessionWireLimits.messageBytes) {
    throw new WireError(`message of more than ${sessionWireLimits.messageBytes} bytes`);
  }
}
