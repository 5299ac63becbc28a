import { clientId } from '../../vocabulary/ids.js';
import {
  type SessionHeader,
  type SessionOperation,
  type SessionRun,
  sessionLimits,
} from '../../vocabulary/session.js';
import { WireError } from '../error.js';
import { choice, readDigest, readName, writeDigest, writeName } from '../fields.js';
import { type Reader, readAll } from '../reader.js';
import { Writer } from '../writer.js';
import { readApplication, readCount, writeApplication, writeCount } from './fields.js';

/** The run as a whole is too large, whatever else is wrong with it. */
export class RunSizeError extends WireError {}

const nonceLength = 16;
/** An ECDSA signature on P-256, both numbers in full (IEEE P1363). */
const ownerSignatureLength = 64;
const operationKind = choice<SessionOperation['kind']>('call', 'end');

export function writeRun(writer: Writer, run: SessionRun): void {
  writer.bytes(encodeRun(run));
}

export function readRun(reader: Reader): SessionRun {
  return decodeRun(reader.bytes());
}

/** Throws `WireError` for a run that nobody would take. */
export function encodeRun(run: SessionRun): Uint8Array {
  const writer = new Writer();
  writeHeader(writer, run.header);
  writeCount(writer, run.first);
  writeDigest(writer, run.before);
  writeOperations(writer, run.operations);
  if (run.signature.length !== ownerSignatureLength) throw new WireError('not a P-256 signature');
  writer.raw(run.signature);
  const bytes = writer.finish();
  checkSize(bytes);
  return bytes;
}

export function decodeRun(bytes: Uint8Array): SessionRun {
  checkSize(bytes);
  return readAll(bytes, (reader) => ({
    header: readHeader(reader),
    first: readCount(reader),
    before: readDigest(reader),
    operations: readOperations(reader),
    signature: reader.raw(ownerSignatureLength),
  }));
}

export function writeHeader(writer: Writer, header: SessionHeader): void {
  const { certificate, nonce } = header;
  writeApplication(writer, header.application);
  writeName(writer, header.owner, clientId);
  if (certificate.length > sessionLimits.certificateBytes) throw new WireError('long certificate');
  writer.bytes(certificate);
  if (nonce.length !== nonceLength) throw new WireError('not a nonce');
  writer.raw(nonce);
}

export function readHeader(reader: Reader): SessionHeader {
  const application = readApplication(reader);
  const owner = readName(reader, clientId);
  const certificate = reader.bytes();
  if (certificate.length > sessionLimits.certificateBytes) throw new WireError('long certificate');
  return { application, owner, certificate, nonce: reader.raw(nonceLength) };
}

/** At least one; an `end` is the last. */
export function writeOperations(
  writer: Writer,
  operations: readonly SessionOperation[],
  max: number = sessionLimits.runOperations,
): void {
  checkOperations(operations);
  writer.list(operations, max, (operation) => {
    operationKind.write(writer, operation.kind);
    if (operation.kind === 'call') writer.text(operation.payload, sessionLimits.payloadBytes);
  });
}

export function readOperations(
  reader: Reader,
  max: number = sessionLimits.runOperations,
): readonly SessionOperation[] {
  const operations = reader.list(max, (): SessionOperation => {
    const kind = operationKind.read(reader);
    return kind === 'call' ? { kind, payload: reader.text(sessionLimits.payloadBytes) } : { kind };
  });
  checkOperations(operations);
  return operations;
}

function checkOperations(operations: readonly SessionOperation[]): void {
  if (operations.length === 0) throw new WireError('a run without operations');
  const end = operations.findIndex(({ kind }) => kind === 'end');
  if (end >= 0 && end < operations.length - 1) throw new WireError('operations after the end');
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > sessionLimits.runBytes) {
    throw new RunSizeError(`run of more than ${sessionLimits.runBytes} bytes`);
  }
}
