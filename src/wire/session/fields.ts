import { type ClusterId, clusterId } from '../../vocabulary/ids.js';
import {
  applicationName,
  type CallResult,
  type SessionId,
  type SessionStatement,
  type SessionTransfer,
  sessionLimits,
} from '../../vocabulary/session.js';
import { WireError } from '../error.js';
import { choice, readDigest, readName, writeDigest, writeName } from '../fields.js';
import { limits } from '../limits.js';
import type { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { sessionWireLimits } from './limits.js';

const domain = new TextEncoder().encode('concordat-session/1');
const utf8 = new TextEncoder();
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
