import type {
  Ballot,
  Inventory,
  PeerMessage,
  PhaseStatement,
  PreparedCertificate,
  RecordStatement,
  SlotValue,
} from '../../../src/agreement/messages.js';
import { unreachable } from '../../../src/kernel/ids.js';
import type { CoordinatorInput } from '../../../src/transaction/coordinator/core/messages.js';
import type { Names } from './names.js';

/** What coordinators and the parties around them say, in words. */
export class AgreementWords {
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  message(message: PeerMessage): string {
    const names = this.#names;
    switch (message.kind) {
      case 'requests':
        return `requests of ${initiators(message.requests)}`;
      case 'activation-pre-prepare': {
        const { slot, view } = message.proposal.statement;
        const from = initiators(message.requests);
        return `activation-pre-prepare ${names.slot(slot)} v${view}: requests of ${from}, own uuid`;
      }
      case 'pre-prepare-reply': {
        const { slot, view } = message.proposal.statement;
        return `pre-prepare-reply ${names.slot(slot)} v${view}: own uuid`;
      }
      case 'pre-prepare-update': {
        const chosen = message.chosen.map(({ replica }) => replica).join(' ');
        const proposal = this.proposal(message.prePrepare.statement);
        return `pre-prepare-update ${proposal}: uuids of ${chosen}`;
      }
      case 'pre-prepare':
        return `pre-prepare ${this.proposal(message.prePrepare.statement)}${reasons(message.value)}`;
      case 'phase': {
        const { statement } = message.signed;
        return `${statement.phase} ${this.proposal(statement)}`;
      }
      case 'record':
        return this.#record(message.record.statement);
      case 'view-change': {
        const { view, prepared } = message.viewChange.statement;
        return `view-change to v${view}: ${this.#locks(prepared)}`;
      }
      case 'new-view': {
        const { view, viewChanges } = message.newView.statement;
        const from = viewChanges.map(({ replica }) => replica).join(' ');
        const prepared = viewChanges.flatMap(({ statement }) => statement.prepared);
        return `new-view v${view}: view changes of ${from}, ${this.#locks(prepared)}`;
      }
      case 'prepared':
        return `prepared ${this.#lock(message.certificate)}`;
      case 'decided':
        return `decided ${this.proposal(message.proof.commits.statement)}`;
      case 'fetch':
        return `fetch ${names.slot(message.slot)}`;
      case 'fetch-transaction':
        return `fetch-transaction ${names.transaction(message.tid)}`;
      case 'unknown-transaction':
        return `unknown-transaction ${names.transaction(message.tid)}`;
      case 'recover':
        return `recover${message.floors ? ', floors too' : ''}`;
      case 'inventory':
        return this.#inventory(message);
      case 'closing': {
        const { tid, view } = message.signed.statement;
        return `closing ${names.transaction(tid)} v${view}`;
      }
      case 'bonded': {
        const by = message.proposal
          ? this.proposal(message.proposal.prePrepare.statement)
          : 'nothing';
        return `bonded ${names.slot(message.slot)} v${message.view}: by ${by}`;
      }
      default:
        return unreachable(message);
    }
  }

  /** `o1 = commit v0`: the value that a ballot has for a slot. */
  proposal({ slot, ballot, result }: PhaseStatement): string {
    const value = result.kind === 'outcome' ? result.outcome : this.#names.transaction(result.tid);
    return `${this.#names.slot(slot)} = ${value} ${ballotName(ballot)}`;
  }

  record(statement: RecordStatement): string {
    const tid = this.#names.transaction(statement.tid);
    switch (statement.kind) {
      case 'registration':
        return `registration in ${tid} (${statement.protocol})`;
      case 'vote':
        return `vote ${statement.vote} in ${tid}`;
      case 'completion':
        return `completion of ${tid}: ${statement.decision}`;
      case 'acknowledgement':
        return `acknowledgement of ${tid}: ${statement.outcome}`;
      default:
        return unreachable(statement);
    }
  }

  #record(statement: RecordStatement): string {
    const tid = this.#names.transaction(statement.tid);
    const what = statement.kind === 'vote' ? `vote ${statement.vote}` : statement.kind;
    return `record ${tid}: ${what} of ${signerOf(statement)}`;
  }

  /** The sender and the words of what another party than a replica sends; `undefined` for the rest. */
  input(input: CoordinatorInput): { readonly from: string; readonly text: string } | undefined {
    switch (input.kind) {
      case 'activate': {
        const { initiator, client, timestamp } = input.statement.statement;
        return { from: `i${initiator}`, text: `activation for request ${timestamp} of ${client}` };
      }
      case 'complete':
      case 'register':
      case 'vote':
      case 'ended': {
        const { statement } = input.statement;
        return { from: signerOf(statement), text: this.record(statement) };
      }
      case 'peer':
      case 'peer-up':
        return undefined;
      default:
        return unreachable(input);
    }
  }

  #lock({ prePrepare }: PreparedCertificate): string {
    return this.proposal(prePrepare.statement);
  }

  #locks(prepared: readonly PreparedCertificate[]): string {
    if (prepared.length === 0) return 'no locks';
    return `locked ${[...new Set(prepared.map((one) => this.#lock(one)))].join(', ')}`;
  }

  #inventory({ view, recovering, open, finished, floors }: Inventory): string {
    const parts = [`inventory v${view}`];
    if (recovering) parts.push('recovering');
    if (open.length > 0) parts.push(`open ${open.map((slot) => this.#names.slot(slot)).join(' ')}`);
    if (finished.length > 0) {
      parts.push(`finished ${finished.map((slot) => this.#names.slot(slot)).join(' ')}`);
    }
    for (const [request] of floors) {
      if (!request) continue;
      const { client, timestamp } = request.statement;
      parts.push(`${client}'s floor ${timestamp}`);
    }
    return parts.join(', ');
  }
}

function ballotName({ view, attempt }: Ballot): string {
  return attempt > 0 ? `v${view}.${attempt}` : `v${view}`;
}

function initiators(requests: readonly { readonly statement: { readonly initiator: number } }[]) {
  return requests.map(({ statement }) => `i${statement.initiator}`).join(' ');
}

function signerOf(statement: RecordStatement): string {
  return statement.kind === 'completion' ? `i${statement.initiator}` : statement.participant;
}

/** What a proposed outcome rests on. */
function reasons(value: SlotValue): string {
  if (value.kind === 'activation') return '';
  const votes = value.records.map(({ registration, vote }) => {
    return `${registration.statement.participant} ${vote?.statement.vote ?? 'has not voted'}`;
  });
  return votes.length > 0 ? `: ${votes.join(', ')}` : '';
}
