import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  choice,
  readDigest,
  readView,
  writeDigest,
  writeSigned,
  writeView,
} from '../kernel/codec/fields.js';
import { type ClusterId, unreachable } from '../kernel/ids.js';

import { readBatch, readCycleValue, writeBatch, writeCycleValue } from './batch-codec.js';
import { orderingLimits, readManifest, scope as scopeField, writeManifest } from './fields.js';
import { readIndexes, readInstance, writeIndexes, writeInstance } from './instance-codec.js';
import { knownBytes, remember } from './known-proposals.js';
import { readReports, writeReports } from './report-codec.js';
import {
  readOrderingSigned,
  readPrepared,
  readShared,
  writePrepared,
  writeShared,
} from './statement-codec.js';
import type { Cycle, OrderingMessage, OrderingMessageKind, OrderingScope } from './types.js';

const messageKind = choice<OrderingMessageKind>(
  'requests',
  'pre-prepare',
  'phase',
  'checkpoint',
  'view-change',
  'new-view',
  'fetch-batch',
  'batch',
  'committed',
  'status',
  'stable',
  'state',
  'proposal',
  'report',
  'fetch-value',
  'fast-decision',
  'rejoin',
  'slow',
  'fetch-chunk',
  'chunk',
  'fetch-reports',
  'lost',
  'reach',
  'spec-order',
  'spec-reply',
  'commit-fast',
  'fetch-instance',
  'lost-instances',
  'reach-instances',
  'two-step-view-change',
  'two-step-new-view',
  'confirmation',
  'fast-committed',
);

/**
 * Throws `WireError` for a message that no peer would accept.
 *
 * @example
 * ```ts
 * import { encodeOrderingMessage, type OrderingOutput } from 'concordat/ordering';
 *
 * // Sends what an engine wants sent.
 * export function send(output: OrderingOutput, write: (bytes: Uint8Array, to?: number) => void): void {
 *   if (output.kind === 'send') write(encodeOrderingMessage(output.message), output.to);
 *   if (output.kind === 'broadcast') write(encodeOrderingMessage(output.message));
 * }
 * ```
 */
export function encodeOrderingMessage(message: OrderingMessage): Uint8Array {
  const known = message.kind === 'proposal' ? knownBytes(message) : undefined;
  if (known) return known;
  const writer = new Writer();
  scopeField.write(writer, message.scope);
  messageKind.write(writer, message.kind);
  writeContent(writer, message);
  const bytes = writer.finish();
  checkSize(bytes);
  if (message.kind === 'proposal') remember(message, bytes);
  return bytes;
}

/**
 * Throws `WireError` unless the bytes are a message of this cluster; checks no signature. The message has memory
 * of its own unless it may share that of the bytes, where nobody may write any more then.
 *
 * @example
 * ```ts
 * import type { Cluster } from 'concordat/client';
 * import { decodeOrderingMessage } from 'concordat/ordering';
 *
 * // What a message is, before its signatures are checked.
 * export function kindOf({ id }: Cluster, bytes: Uint8Array): string {
 *   const { scope, kind } = decodeOrderingMessage(id, bytes);
 *   return `${scope} ${kind}`;
 * }
 * ```
 */
export function decodeOrderingMessage(
  cluster: ClusterId,
  bytes: Uint8Array,
  { mayShare = false }: { readonly mayShare?: boolean } = {},
): OrderingMessage {
  checkSize(bytes);
  const read = (reader: Reader): OrderingMessage => {
    const scope = scopeField.read(reader);
    return readContent(reader, cluster, scope, messageKind.read(reader));
  };
  // One copy of all is cheaper than one of each of some thousand payloads. (A Buffer's `slice` is none.)
  const own = mayShare ? bytes : new Uint8Array(bytes);
  const message = readAll(own, read, { mayShare: true });
  if (message.kind === 'proposal') remember(message, own);
  return message;
}

function writeContent(writer: Writer, message: OrderingMessage): void {
  switch (message.kind) {
    case 'pre-prepare':
      writeSigned(writer, message.prePrepare);
      return writeBatch(writer, message.batch);
    case 'phase':
    case 'checkpoint':
      return writeSigned(writer, message.signed);
    case 'view-change':
    case 'two-step-view-change':
      return writeSigned(writer, message.viewChange);
    case 'new-view':
    case 'two-step-new-view':
      return writeSigned(writer, message.newView);
    case 'fetch-batch':
    case 'fetch-chunk':
      return writeDigest(writer, message.digest);
    case 'chunk':
      checkChunk(message.bytes);
      return writer.bytes(message.bytes);
    case 'requests':
    case 'batch':
      return writeBatch(writer, message.batch);
    case 'committed':
      writeShared(writer, message.commits);
      return writeBatch(writer, message.batch);
    case 'confirmation':
      return writeShared(writer, message.confirmations);
    case 'fast-committed':
      writePrepared(writer, message.acks);
      return writeBatch(writer, message.batch);
    case 'status':
      writeView(writer, message.view);
      writer.u64(message.position);
      return writer.u64(message.stable);
    case 'stable':
      return writeShared(writer, message.certificate);
    case 'state':
      writeShared(writer, message.certificate);
      return writeManifest(writer, message.manifest);
    case 'proposal':
      writeSigned(writer, message.proposal);
      return writeCycleValue(writer, message.value);
    case 'report':
      return writeSigned(writer, message.report);
    case 'fetch-value':
      writer.u64(message.cycle);
      return writeDigest(writer, message.digest);
    case 'fetch-reports':
      return writer.u64(message.cycle);
    case 'fast-decision':
      return writeReports(writer, message.reports);
    case 'rejoin':
      return writer.u64(message.position);
    case 'slow':
      return writeView(writer, message.view);
    case 'lost':
    case 'reach':
      writeDigest(writer, message.nonce);
      writeView(writer, message.view);
      return writer.u64(message.position);
    case 'spec-order':
      writeSigned(writer, message.order);
      return writeBatch(writer, message.batch);
    case 'spec-reply':
      return writeSigned(writer, message.reply);
    case 'commit-fast':
      writeShared(writer, message.replies);
      return writeBatch(writer, message.batch);
    case 'fetch-instance':
      return writeInstance(writer, message.instance);
    case 'lost-instances':
      writeDigest(writer, message.nonce);
      return writeIndexes(writer, message.closed);
    case 'reach-instances':
      writeDigest(writer, message.nonce);
      return writeIndexes(writer, message.executed);
    default:
      return unreachable(message);
  }
}

function readContent(
  reader: Reader,
  cluster: ClusterId,
  scope: OrderingScope,
  kind: OrderingMessageKind,
): OrderingMessage {
  switch (kind) {
    case 'pre-prepare': {
      const prePrepare = readOrderingSigned(reader, cluster, 'phase');
      return { kind, scope, prePrepare, batch: readBatch(reader) };
    }
    case 'phase':
      return { kind, scope, signed: readOrderingSigned(reader, cluster, 'phase') };
    case 'checkpoint':
      return { kind, scope, signed: readOrderingSigned(reader, cluster, 'checkpoint') };
    case 'view-change':
      return { kind, scope, viewChange: readOrderingSigned(reader, cluster, 'view-change') };
    case 'new-view':
      return { kind, scope, newView: readOrderingSigned(reader, cluster, 'new-view') };
    case 'two-step-view-change':
      return { kind, scope, viewChange: readOrderingSigned(reader, cluster, kind) };
    case 'two-step-new-view':
      return { kind, scope, newView: readOrderingSigned(reader, cluster, kind) };
    case 'confirmation':
      return { kind, scope, confirmations: readShared(reader, cluster, kind) };
    case 'fast-committed': {
      const acks = readPrepared(reader, cluster);
      return { kind, scope, acks, batch: readBatch(reader) };
    }
    case 'chunk': {
      const bytes = reader.bytes();
      checkChunk(bytes);
      return { kind, scope, bytes };
    }
    case 'fetch-batch':
    case 'fetch-chunk':
      return { kind, scope, digest: readDigest(reader) };
    case 'requests':
    case 'batch':
      return { kind, scope, batch: readBatch(reader) };
    case 'committed': {
      const commits = readShared(reader, cluster, 'phase');
      return { kind, scope, commits, batch: readBatch(reader) };
    }
    case 'status': {
      const view = readView(reader);
      const position = reader.u64();
      return { kind, scope, view, position, stable: reader.u64() };
    }
    case 'stable':
      return { kind, scope, certificate: readShared(reader, cluster, 'checkpoint') };
    case 'state': {
      const certificate = readShared(reader, cluster, 'checkpoint');
      return { kind, scope, certificate, manifest: readManifest(reader) };
    }
    case 'proposal': {
      const proposal = readOrderingSigned(reader, cluster, 'proposal');
      return { kind, scope, proposal, value: readCycleValue(reader) };
    }
    case 'report':
      return { kind, scope, report: readOrderingSigned(reader, cluster, 'report') };
    case 'fetch-value': {
      const cycle = reader.u64() as Cycle;
      return { kind, scope, cycle, digest: readDigest(reader) };
    }
    case 'fetch-reports':
      return { kind, scope, cycle: reader.u64() as Cycle };
    case 'fast-decision':
      return { kind, scope, reports: readReports(reader, cluster) };
    case 'rejoin':
      return { kind, scope, position: reader.u64() };
    case 'slow':
      return { kind, scope, view: readView(reader) };
    case 'lost':
    case 'reach': {
      const nonce = readDigest(reader);
      const view = readView(reader);
      return { kind, scope, nonce, view, position: reader.u64() };
    }
    case 'spec-order': {
      const order = readOrderingSigned(reader, cluster, 'spec-reply');
      return { kind, scope, order, batch: readBatch(reader) };
    }
    case 'spec-reply':
      return { kind, scope, reply: readOrderingSigned(reader, cluster, 'spec-reply') };
    case 'commit-fast': {
      const replies = readShared(reader, cluster, 'spec-reply');
      return { kind, scope, replies, batch: readBatch(reader) };
    }
    case 'fetch-instance':
      return { kind, scope, instance: readInstance(reader) };
    case 'lost-instances': {
      const nonce = readDigest(reader);
      return { kind, scope, nonce, closed: readIndexes(reader) };
    }
    case 'reach-instances': {
      const nonce = readDigest(reader);
      return { kind, scope, nonce, executed: readIndexes(reader) };
    }
    default:
      return unreachable(kind);
  }
}

function checkChunk(bytes: Uint8Array): void {
  if (bytes.length > orderingLimits.chunkBytes) throw new WireError('chunk too long');
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > orderingLimits.messageBytes) {
    throw new WireError(`message of more than ${orderingLimits.messageBytes} bytes`);
  }
}
