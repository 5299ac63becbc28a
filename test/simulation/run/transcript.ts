import { type PeerMessage, type PhaseStatement, slotKey } from '../../../src/agreement/messages.js';
import type { Statement } from '../../../src/agreement/statements.js';
import { replicaAt } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';

/** A message in one line, for people. */
export function describe(reader: Reader, from: string, packet: Packet): string {
  switch (packet.kind) {
    case 'peer': {
      const replica = replicaAt(from);
      const reading = replica === undefined ? undefined : reader.peer(replica, packet.bytes);
      if (!reading) return `undecodable, ${packet.bytes.length} bytes`;
      return describePeer(reading.message) + (reading.verified ? '' : ' (does not verify)');
    }
    case 'activate':
    case 'register':
    case 'complete':
    case 'ended':
    case 'vote': {
      const signed = reader.statement(packet.statement);
      return `${packet.kind}: ${signed ? describeStatement(signed.statement) : 'does not verify'}`;
    }
    case 'post': {
      const { tid, posting } = packet;
      return `${posting.kind} ${posting.amountMinor} ${posting.account} in ${short(tid)}`;
    }
    case 'transfer': {
      const { timestamp, order } = packet;
      const to = order.creditors.map((one) => `${one.bank}/${one.account} ${one.amountMinor}`);
      return `transfer at ${timestamp}: ${order.debtor.bank}/${order.debtor.account} to ${to.join(', ')}`;
    }
    case 'notice':
      return `${packet.notice} ${shortId(packet.enlistment)} in ${short(packet.tid)}${proved(packet)}`;
    case 'outcome':
      return `${packet.outcome} of ${short(packet.tid)}${proved(packet)}`;
    case 'completion-fault':
      return `${packet.fault} for ${short(packet.tid)}`;
    case 'activated':
      return `activated ${short(packet.tid)}${proved(packet)}`;
    case 'transferred':
      return `${packet.outcome} ${short(packet.tid)} ${packet.reason ?? ''}`;
    case 'fault':
      return `fault ${packet.code}${packet.isForNow ? ' for now' : ''}`;
    case 'registered':
    case 'posted':
    case 'get-balance':
    case 'balance':
      return packet.kind;
  }
}

function describePeer(message: PeerMessage): string {
  switch (message.kind) {
    case 'phase':
      return describePhase(message.signed.statement);
    case 'pre-prepare':
    case 'pre-prepare-update':
      return `${message.kind}: ${describePhase(message.prePrepare.statement)}`;
    case 'activation-pre-prepare':
    case 'pre-prepare-reply': {
      const { slot, view, uuid } = message.proposal.statement;
      return `${message.kind} ${shortSlot(slotKey(slot))} v${view} uuid ${short(uuid)}`;
    }
    case 'record':
      return `record: ${describeStatement(message.record.statement)}`;
    case 'view-change': {
      const { view, prepared } = message.viewChange.statement;
      return `view-change to v${view}, ${prepared.length} locks`;
    }
    case 'new-view':
      return `new-view v${message.newView.statement.view}`;
    case 'prepared':
      return `prepared: ${describePhase(message.certificate.prePrepare.statement)}`;
    case 'decided':
      return `decided: ${describePhase(message.proof.commits.statement)}`;
    case 'fetch':
      return `fetch ${shortSlot(slotKey(message.slot))}`;
    case 'fetch-transaction':
    case 'unknown-transaction':
      return `${message.kind} ${short(message.tid)}`;
    case 'recover':
      return `recover ${short(message.question)} after ${message.after}`;
    case 'inventory': {
      const { question, open, finished } = message;
      return `inventory ${short(question)}: ${open.length} open, ${finished.length} finished`;
    }
    case 'closing': {
      const { tid, view, enlistments } = message.signed.statement;
      return `closing ${short(tid)} v${view} with ${short(enlistments)}`;
    }
    case 'bonded': {
      const by = message.proposal
        ? describePhase(message.proposal.prePrepare.statement)
        : 'nothing';
      return `bonded ${shortSlot(slotKey(message.slot))} in v${message.view} by ${by}`;
    }
    case 'requests':
      return `requests of ${message.requests.map((one) => `i${one.statement.initiator}`).join(', ')}`;
  }
}

function describePhase({ phase, slot, ballot, digest, result }: PhaseStatement): string {
  const says = result.kind === 'activation' ? short(result.tid) : result.outcome;
  const where = `${shortSlot(slotKey(slot))} v${ballot.view}.${ballot.attempt}`;
  return `${phase} ${where} ${says} #${short(digest)}`;
}

function describeStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'activation':
      return `${statement.client} at ${statement.timestamp} by i${statement.initiator}`;
    case 'completion':
      return `${statement.decision} ${short(statement.tid)} by i${statement.initiator}`;
    case 'registration':
      return `registration ${shortId(statement.enlistment)} in ${short(statement.tid)}`;
    case 'vote':
      return `${statement.vote} ${shortId(statement.enlistment)} in ${short(statement.tid)}`;
    case 'acknowledgement':
      return `${statement.outcome} done by ${shortId(statement.enlistment)} in ${short(statement.tid)}`;
  }
}

function proved({ proof }: { readonly proof?: Uint8Array }): string {
  return proof ? ' with proof' : '';
}

function short(id: string): string {
  return id.slice(0, 6);
}

function shortSlot(key: string): string {
  return key.slice(0, 8);
}

/** `bank-a.1234...` as `bank-a.1234`. */
function shortId(enlistment: string): string {
  return enlistment.slice(0, enlistment.lastIndexOf('.') + 5);
}
