import { type CommonOutput, invariant } from '../../../kernel/core.js';
import {
  type ReplicaId,
  replicaId,
  type TransactionId,
  transactionId,
  unreachable,
} from '../../../kernel/ids.js';

/** The timers of a coordinator replica, without those of the agreement. */
export type CoordinatorTimer =
  /**
   * `votes`, `expires`: this replica waits no longer for the votes, or for the transaction at all. `notify`: it
   * sends again what participants have not answered. `inquiry`, `search`: the other replicas have had their
   * time to answer a question about the transaction.
   */
  | {
      readonly kind: 'votes' | 'expires' | 'notify' | 'inquiry' | 'search';
      readonly tid: TransactionId;
    }
  /** How long this replica keeps the inventory that it took for a peer. */
  | { readonly kind: 'inventory'; readonly replica: ReplicaId }
  /**
   * `missing-proofs`: peers have had their time to send the proofs that they were asked for. `recover`: this replica
   * asks for inventories again. `recover-again`: it begins a new round with all peers.
   */
  | { readonly kind: 'missing-proofs' | 'recover' | 'recover-again' };

/** One reader for each kind: a kind without one does not compile. */
const readers: Readonly<Record<CoordinatorTimer['kind'], (of: string) => CoordinatorTimer>> = {
  votes: (of) => ({ kind: 'votes', tid: transactionId(of) }),
  expires: (of) => ({ kind: 'expires', tid: transactionId(of) }),
  notify: (of) => ({ kind: 'notify', tid: transactionId(of) }),
  inquiry: (of) => ({ kind: 'inquiry', tid: transactionId(of) }),
  search: (of) => ({ kind: 'search', tid: transactionId(of) }),
  inventory: (of) => ({ kind: 'inventory', replica: replicaId(Number(of)) }),
  'missing-proofs': () => ({ kind: 'missing-proofs' }),
  recover: () => ({ kind: 'recover' }),
  'recover-again': () => ({ kind: 'recover-again' }),
};

export function startTimer(timer: CoordinatorTimer, delayMs: number): CommonOutput {
  return { kind: 'start-timer', name: nameOf(timer), delayMs };
}

export function stopTimer(timer: CoordinatorTimer): CommonOutput {
  return { kind: 'stop-timer', name: nameOf(timer) };
}

/** Reads what `startTimer` has named. Another name ends the core: no step may be taken for it. */
export function readTimer(name: string): CoordinatorTimer {
  const [kind = '', of = ''] = name.split('/', 2);
  invariant(isKind(kind), `${name} is a timer of the coordinator`);
  return readers[kind](of);
}

function isKind(text: string): text is CoordinatorTimer['kind'] {
  return Object.hasOwn(readers, text);
}

function nameOf(timer: CoordinatorTimer): string {
  switch (timer.kind) {
    case 'votes':
    case 'expires':
    case 'notify':
    case 'inquiry':
    case 'search':
      return `${timer.kind}/${timer.tid}`;
    case 'inventory':
      return `${timer.kind}/${timer.replica}`;
    case 'missing-proofs':
    case 'recover':
    case 'recover-again':
      return timer.kind;
    default:
      return unreachable(timer);
  }
}
