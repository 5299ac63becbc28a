import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import { choice, readDigest, readName, writeDigest, writeName } from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { hexOf } from '../kernel/codec/text.js';
import { digestOfText, sha256 } from '../kernel/digest.js';
import { type ClusterId, clientId, clusterId, type Digest } from '../kernel/ids.js';
import {
  applicationName,
  type CallResult,
  type SessionHeader,
  type SessionId,
  type SessionOperation,
  type SessionRun,
  type SessionStatement,
  type SessionTransfer,
  sessionLimits,
} from './types.js';

const utf8 = new TextEncoder();

/** Bounds of what is said about sessions; see `limits` in `kernel/codec/limits.ts` for why there are any. */
export const sessionWireLimits = {
  /** One message, all included; a position's outcomes are the largest. */
  messageBytes: 16 * 1024 * 1024,
  /** Digests on the way from a leaf to the root. */
  pathDigests: 32,
  /** UTF-8 bytes of a currency's code. */
  currencyBytes: 8,
} as const;

const domain = new TextEncoder().encode('concordat-session/1');
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const loneSurrogate = /\p{Surrogate}/u;

const statementKind = choice<SessionStatement['kind']>(
  'receipt',
  'witness',
  'history',
  'attestation',
  'order',
  'order-report',
);
const resultKind = choice<CallResult['kind']>('done', 'rejected');

/** Starts every signed text: domain and version, kind and cluster. */
export function writeSessionHeader(
  writer: Writer,
  kind: SessionStatement['kind'],
  cluster: ClusterId,
): void {
  writer.raw(domain);
  statementKind.write(writer, kind);
  writeName(writer, cluster, clusterId);
}

/** Throws `WireError` for another domain, version or cluster. */
export function readSessionHeader(reader: Reader, cluster: ClusterId): SessionStatement['kind'] {
  reader.literal(domain, 'a session statement of this version');
  const kind = statementKind.read(reader);
  if (readName(reader, clusterId) !== cluster) throw new WireError('statement of another cluster');
  return kind;
}

/** A place in a row that counts from 1. */
export function writeCount(writer: Writer, count: number): void {
  if (count < 1) throw new WireError('a count below 1');
  writer.u64(count);
}

export function readCount(reader: Reader): number {
  const count = reader.u64();
  if (count < 1) throw new WireError('a count below 1');
  return count;
}

export function writeSessionId(writer: Writer, session: SessionId): void {
  writeDigest(writer, session);
}

export function readSessionId(reader: Reader): SessionId {
  return readDigest(reader) as SessionId;
}

export function writeApplication(writer: Writer, name: string): void {
  writeName(writer, name, applicationName);
}

export function readApplication(reader: Reader): string {
  return readName(reader, applicationName);
}

/** A key of an application's state. */
export function writeKey(writer: Writer, key: string): void {
  writer.text(key, sessionLimits.keyBytes);
}

export function readKey(reader: Reader): string {
  return reader.text(sessionLimits.keyBytes);
}

/** Text whose length may need more than 16 bits. */
export function writeLongText(writer: Writer, text: string, maxBytes: number): void {
  if (loneSurrogate.test(text)) throw new WireError('text with half a surrogate pair');
  const bytes = utf8.encode(text);
  if (bytes.length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
  writer.bytes(bytes);
}

export function readLongText(reader: Reader, maxBytes: number): string {
  const length = reader.u32();
  if (length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
  try {
    return utf8Decoder.decode(reader.raw(length));
  } catch (error) {
    throw error instanceof WireError ? error : new WireError('text that is not UTF-8');
  }
}

export function writeCallResult(writer: Writer, result: CallResult): void {
  resultKind.write(writer, result.kind);
  const text = result.kind === 'done' ? result.result : result.reason;
  writer.text(text, sessionLimits.payloadBytes);
}

export function readCallResult(reader: Reader): CallResult {
  const kind = resultKind.read(reader);
  const text = reader.text(sessionLimits.payloadBytes);
  return kind === 'done' ? { kind, result: text } : { kind, reason: text };
}

/** The bytes that a result's digest is of. */
export function encodeCallResult(result: CallResult): Uint8Array {
  const writer = new Writer();
  writeCallResult(writer, result);
  return writer.finish();
}

export function writeTransfers(writer: Writer, transfers: readonly SessionTransfer[]): void {
  writer.list(transfers, sessionLimits.transfers, (transfer) => {
    writeAccount(writer, transfer.from);
    writeAccount(writer, transfer.to);
    writeCount(writer, transfer.amountMinor);
    writer.text(transfer.currency, sessionWireLimits.currencyBytes);
  });
}

export function readTransfers(reader: Reader): readonly SessionTransfer[] {
  return reader.list(sessionLimits.transfers, () => ({
    from: readAccount(reader),
    to: readAccount(reader),
    amountMinor: readCount(reader),
    currency: reader.text(sessionWireLimits.currencyBytes),
  }));
}

/** The bytes that an order's digest of its transfers is of. */
export function encodeTransfers(transfers: readonly SessionTransfer[]): Uint8Array {
  const writer = new Writer();
  writeTransfers(writer, transfers);
  return writer.finish();
}

function writeAccount(writer: Writer, account: SessionTransfer['from']): void {
  writer.text(account.bank, limits.nameBytes);
  writer.text(account.account, limits.nameBytes);
}

function readAccount(reader: Reader): SessionTransfer['from'] {
  return { bank: reader.text(limits.nameBytes), account: reader.text(limits.nameBytes) };
}

/** The run as a whole is too large, whatever else is wrong with it. */
export class RunSizeError extends WireError {
  override readonly code = 'run-too-large';
}

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

function writeHeader(writer: Writer, header: SessionHeader): void {
  const { certificate, nonce } = header;
  writeApplication(writer, header.application);
  writeName(writer, header.owner, clientId);
  if (certificate.length > sessionLimits.certificateBytes) throw new WireError('long certificate');
  writer.bytes(certificate);
  if (nonce.length !== nonceLength) throw new WireError('not a nonce');
  writer.raw(nonce);
}

function readHeader(reader: Reader): SessionHeader {
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

/** A session's id; its first head. */
export function sessionIdOf(cluster: ClusterId, header: SessionHeader): SessionId {
  const certificate = sha256(header.certificate);
  const nonce = hexOf(header.nonce);
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

function digestOfLines(...lines: readonly string[]): Digest {
  return digestOfText(lines.join('\n'));
}
