import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  choice,
  readDigest,
  readReplica,
  readSignedAs,
  readTransactionId,
  readView,
  writeDigest,
  writeReplica,
  writeSigned,
  writeTransactionId,
  writeView,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { type ClusterId, unreachable } from '../kernel/ids.js';
import {
  readDecisionProof,
  readPreparedCertificate,
  readProposal,
  writeDecisionProof,
  writePreparedCertificate,
  writeProposal,
} from './certificate.js';
import type { Inventory, PeerMessage, Slot } from './messages.js';
import { readSigned, readSlot, writeSlot } from './statement-codec.js';
import { readRequests, writeRequests } from './values.js';
import {
  decodeNewView,
  readSignedViewChange,
  writeSignedViewChange,
} from './view-change-message.js';

const messageKind = choice<PeerMessage['kind']>(
  'requests',
  'activation-pre-prepare',
  'pre-prepare-reply',
  'pre-prepare-update',
  'pre-prepare',
  'phase',
  'record',
  'view-change',
  'new-view',
  'prepared',
  'decided',
  'fetch',
  'fetch-transaction',
  'unknown-transaction',
  'recover',
  'inventory',
  'closing',
  'bonded',
);

const recordKinds = ['registration', 'vote', 'completion', 'acknowledgement'] as const;

/** Throws `WireError` for a message that no peer would accept. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, message);
  const bytes = writer.finish();
  checkSize(bytes);
  return bytes;
}

/**
 * Throws `WireError` unless the bytes are a message of this cluster; checks no signature. The message may keep
 * parts of the bytes, so nobody writes to them any more.
 */
export function decodePeerMessage(cluster: ClusterId, bytes: Uint8Array): PeerMessage {
  checkSize(bytes);
  // A statement that is kept must not keep a page of hundreds.
  const mayShare = bytes.length <= sharedBytesMax;
  return readAll(bytes, (reader) => readMessage(reader, cluster), { mayShare });
}

/** Of such a message the core keeps most, if anything. */
const sharedBytesMax = 4096;

function writeMessage(writer: Writer, message: PeerMessage): void {
  messageKind.write(writer, message.kind);
  switch (message.kind) {
    case 'requests':
      writeRequests(writer, message.requests);
      break;
    case 'activation-pre-prepare':
      writeRequests(writer, message.requests);
      writeSigned(writer, message.proposal);
      break;
    case 'pre-prepare-reply':
      writeSigned(writer, message.proposal);
      break;
    case 'pre-prepare-update':
      writeSigned(writer, message.prePrepare);
      writeChosen(writer, message.chosen);
      break;
    case 'pre-prepare':
      writeProposal(writer, message);
      break;
    case 'phase':
      writeSigned(writer, message.signed);
      break;
    case 'record':
      writeSigned(writer, message.record);
      break;
    case 'view-change':
      writeSignedViewChange(writer, message.viewChange);
      break;
    case 'new-view':
      writeSigned(writer, message.newView);
      break;
    case 'prepared':
      writePreparedCertificate(writer, message.certificate);
      break;
    case 'decided':
      writeDecisionProof(writer, message.proof);
      break;
    case 'fetch':
      writeSlot(writer, message.slot);
      break;
    case 'fetch-transaction':
    case 'unknown-transaction':
      writeTransactionId(writer, message.tid);
      writeDigest(writer, message.question);
      break;
    case 'recover':
      writeDigest(writer, message.question);
      writer.u32(message.after);
      writer.flag(message.floors);
      writer.flag(message.leave !== null);
      if (message.leave !== null) writeView(writer, message.leave);
      break;
    case 'inventory':
      writeInventory(writer, message);
      break;
    case 'closing':
      writeSigned(writer, message.signed);
      break;
    case 'bonded':
      writeSlot(writer, message.slot);
      writeView(writer, message.view);
      writer.flag(message.proposal !== null);
      if (message.proposal) writeProposal(writer, message.proposal);
      break;
    default:
      unreachable(message);
  }
}

function readMessage(reader: Reader, cluster: ClusterId): PeerMessage {
  const kind = messageKind.read(reader);
  switch (kind) {
    case 'requests':
      return { kind, requests: readRequests(reader, cluster) };
    case 'activation-pre-prepare':
      return {
        kind,
        requests: readRequests(reader, cluster),
        proposal: readSigned(reader, cluster, 'proposal'),
      };
    case 'pre-prepare-reply':
      return { kind, proposal: readSigned(reader, cluster, 'proposal') };
    case 'pre-prepare-update':
      return {
        kind,
        prePrepare: readSigned(reader, cluster, 'phase'),
        chosen: readChosen(reader),
      };
    case 'pre-prepare':
      return { kind, ...readProposal(reader, cluster) };
    case 'phase':
      return { kind, signed: readSigned(reader, cluster, 'phase') };
    case 'record':
      return { kind, record: readSigned(reader, cluster, ...recordKinds) };
    case 'view-change':
      return { kind, viewChange: readSignedViewChange(reader, cluster) };
    case 'new-view':
      return { kind, newView: readSignedAs(reader, (bytes) => decodeNewView(cluster, bytes)) };
    case 'prepared':
      return { kind, certificate: readPreparedCertificate(reader, cluster) };
    case 'decided':
      return { kind, proof: readDecisionProof(reader, cluster) };
    case 'fetch':
      return { kind, slot: readSlot(reader) };
    case 'fetch-transaction':
    case 'unknown-transaction':
      return { kind, tid: readTransactionId(reader), question: readDigest(reader) };
    case 'recover':
      return {
        kind,
        question: readDigest(reader),
        after: reader.u32(),
        floors: reader.flag(),
        leave: reader.flag() ? readView(reader) : null,
      };
    case 'inventory':
      return readInventory(reader, cluster);
    case 'closing':
      return { kind, signed: readSigned(reader, cluster, 'closing') };
    case 'bonded':
      return {
        kind,
        slot: readSlot(reader),
        view: readView(reader),
        proposal: reader.flag() ? readProposal(reader, cluster) : null,
      };
    default:
      return unreachable(kind);
  }
}

type Chosen = Extract<PeerMessage, { kind: 'pre-prepare-update' }>['chosen'];

function writeChosen(writer: Writer, chosen: Chosen): void {
  checkRising(chosen, ({ replica }) => replica);
  writer.list(chosen, limits.replicas, ({ replica, digest }) => {
    writeReplica(writer, replica);
    writeDigest(writer, digest);
  });
}

function readChosen(reader: Reader): Chosen {
  const chosen = reader.list(limits.replicas, () => ({
    replica: readReplica(reader),
    digest: readDigest(reader),
  }));
  checkRising(chosen, ({ replica }) => replica);
  return chosen;
}

function writeInventory(writer: Writer, inventory: Inventory): void {
  writeDigest(writer, inventory.question);
  writer.u32(inventory.after);
  writer.flag(inventory.last);
  writeView(writer, inventory.view);
  writeView(writer, inventory.entered);
  writer.flag(inventory.recovering);
  for (const slots of [inventory.open, inventory.finished]) {
    writer.list(slots, limits.inventoryEntries, (slot) => writeSlot(writer, slot));
  }
  writer.list(inventory.floors, limits.inventoryFloors, (floor) => writeRequests(writer, floor));
}

function readInventory(reader: Reader, cluster: ClusterId): Inventory {
  const readSlots = (): Slot[] => reader.list(limits.inventoryEntries, () => readSlot(reader));
  return {
    kind: 'inventory',
    question: readDigest(reader),
    after: reader.u32(),
    last: reader.flag(),
    view: readView(reader),
    entered: readView(reader),
    recovering: reader.flag(),
    open: readSlots(),
    finished: readSlots(),
    floors: reader.list(limits.inventoryFloors, () => readRequests(reader, cluster)),
  };
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > limits.peerMessageBytes) {
    throw new WireError(`message of more than ${limits.peerMessageBytes} bytes`);
  }
}
