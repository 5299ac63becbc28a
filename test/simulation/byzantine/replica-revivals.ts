import { decodePreparedCertificate } from '../../../src/agreement/certificate.js';
import type {
  DecisionProof,
  PeerMessage,
  PreparedCertificate,
} from '../../../src/agreement/messages.js';
import type { Statement } from '../../../src/agreement/statements.js';
import type { TransactionId } from '../../../src/kernel/ids.js';
import type { Verified } from '../../../src/kernel/signed.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Packet } from '../parties/packets.js';
import type { Behaviour, BehaviourMaker, Liar } from './liar.js';
import { broadcast, peerMessage, peerPacket, selfOf } from './replica-tools.js';

/** Transactions that a liar keeps all it saw of. */
const KEPT_MAX = 200;
const ATTEMPTS_MAX = 40;

/** What a liar waits for before it revives a transaction. */
const triggers = ['forgotten', 'linked', 'new-view', 'activation', 'time'] as const;
type Trigger = (typeof triggers)[number];
/** How long after the trigger: at once, before and after a time-out, past every window. */
const delaysMs = [0, 20, 600, 6000, 40_000];

/** All that a liar saw of a transaction. */
interface Kept {
  activation?: DecisionProof;
  outcome?: DecisionProof;
  readonly locks: PreparedCertificate[];
  readonly statements: Map<string, Verified<Statement>>;
}

type Tried = (liar: Liar, tid: TransactionId, kept: Kept) => void;

/** The signed requests alone: another transaction for them, perhaps. */
const activateAgain: Tried = (liar, _tid, { activation }) => {
  if (activation?.value.kind !== 'activation') return;
  broadcast(liar, { kind: 'requests', requests: activation.value.requests });
};

/** The proofs, as if they were news. */
const proveAgain: Tried = (liar, _tid, { activation, outcome }) => {
  for (const proof of [activation, outcome]) {
    if (proof && liar.random.chance(0.8)) broadcast(liar, { kind: 'decided', proof });
  }
};

/** The activation, and then what makes another outcome: some registrations, consents, completions. */
const decideAgain: Tried = (liar, _tid, { activation, statements }) => {
  if (!activation) return;
  broadcast(liar, { kind: 'decided', proof: activation });
  const all = [...statements.values()];
  const registrations = all.filter(({ statement }) => statement.kind === 'registration');
  const [left] = registrations.length > 1 ? liar.random.sample(registrations, 1) : [];
  const leftOut = left && 'enlistment' in left.statement ? left.statement.enlistment : '';
  const order = ['registration', 'vote', 'completion'] as const;
  for (const [step, kind] of order.entries()) {
    liar.after(50 * (step + 1), () => {
      for (const record of all) {
        const { statement } = record;
        if (statement.kind !== kind) continue;
        if ('enlistment' in statement && statement.enlistment === leftOut) continue;
        if (statement.kind === 'vote' && statement.vote === 'aborted') continue;
        if (statement.kind === 'completion' && statement.decision === 'rollback') continue;
        broadcast(liar, { kind: 'record', record } as PeerMessage);
      }
    });
  }
};

/** Its own ba-pre-prepare, which is good as long as the view is. */
const openAgain: Tried = (liar, _tid, { activation }) => {
  if (activation?.value.kind !== 'activation') return;
  const { requests, proposals } = activation.value;
  const proposal = proposals.find(({ statement }) => statement.replica === selfOf(liar));
  if (proposal) broadcast(liar, { kind: 'activation-pre-prepare', requests, proposal });
};

/** What it was locked on: old prepared certificates. */
const lockAgain: Tried = (liar, _tid, { locks }) => {
  for (const certificate of locks) broadcast(liar, { kind: 'prepared', certificate });
};

const attempts: readonly Tried[] = [activateAgain, proveAgain, decideAgain, openAgain, lockAgain];

/** Keeps all that it sees of each transaction, and brings it up again when the others have forgotten it. */
export const revive: BehaviourMaker = (liar) => {
  const archive = new Archive(liar);
  const waitsFor = new Set<Trigger>(liar.random.sample([...triggers], 1 + liar.random.int(3)));
  let left = ATTEMPTS_MAX;
  const attempt = (trigger: Trigger, tid?: TransactionId): void => {
    if (!waitsFor.has(trigger)) return;
    liar.after(liar.random.pick(delaysMs), () => {
      const found = archive.find(tid);
      if (!found || left === 0) return;
      left -= 1;
      liar.lied();
      liar.revived(found.tid);
      liar.random.pick(attempts)(liar, found.tid, found.kept);
    });
  };
  liar.every(4000, () => attempt('time'));
  return {
    written: (writes) => {
      for (const { forgotten, activated } of archive.written(writes)) {
        if (forgotten) attempt('forgotten', forgotten);
        else if (activated) attempt('activation');
      }
    },
    linked: () => attempt('linked'),
    incoming: (from, packet) => {
      archive.received(packet);
      if (peerMessage(liar, from, packet)?.kind === 'new-view') attempt('new-view');
      return true;
    },
  };
};

/** Tells peers that transactions are over which are not, in every inventory. */
export const falseInventories: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    const message = peerMessage(liar, liar.address, packet);
    if (message?.kind !== 'inventory' || message.open.length === 0) return undefined;
    liar.lied();
    const finished = [...message.finished, ...message.open];
    return [peerPacket({ ...message, open: [], finished })];
  },
});

/** Keeps questions, and answers them much later, and again and again: unknown. */
export const denyLate: BehaviourMaker = (liar) => {
  const asked: { readonly from: string; readonly answer: PeerMessage }[] = [];
  const answerAll = (): void => {
    if (asked.length === 0) return;
    liar.lied();
    for (const { from, answer } of asked.slice(-50)) liar.send(from, peerPacket(answer));
  };
  liar.every(700, answerAll);
  return {
    incoming: (from, packet) => {
      const message = peerMessage(liar, from, packet);
      if (message?.kind !== 'fetch-transaction') return true;
      const { tid, question } = message;
      asked.push({ from, answer: { kind: 'unknown-transaction', tid, question } });
      return false;
    },
    written: (writes) => {
      if (writes.some(({ key, value }) => key.startsWith('decided/o:') && value)) answerAll();
    },
  } satisfies Behaviour;
};

interface Told {
  readonly forgotten?: TransactionId;
  readonly activated?: TransactionId;
}

class Archive {
  readonly #liar: Liar;
  readonly #kept = new Map<TransactionId, Kept>();

  constructor(liar: Liar) {
    this.#liar = liar;
  }

  /** What is on record of this transaction, or of any. */
  find(tid?: TransactionId): { readonly tid: TransactionId; readonly kept: Kept } | undefined {
    const all = [...this.#kept.keys()];
    const known = tid ?? all[this.#liar.random.int(Math.max(1, all.length))];
    const kept = known && this.#kept.get(known);
    return known && kept ? { tid: known, kept } : undefined;
  }

  received(packet: Packet): void {
    if (packet.kind === 'peer') return;
    if ('statement' in packet) this.#keep(this.#liar.reader.statement(packet.statement));
  }

  /** The liar's own disk shows what is decided, and when it is forgotten. */
  written(writes: readonly DiskWrite[]): Told[] {
    return writes.flatMap(({ key, value }): Told[] => {
      const forgotten = /^forgotten\/o:(.*)$/.exec(key)?.[1] as TransactionId | undefined;
      if (forgotten && value) return [{ forgotten }];
      if (value === null) return [];
      if (key.startsWith('lock/')) this.#keepLock(value);
      const proof = key.startsWith('decided/') ? this.#liar.reader.proof(value) : undefined;
      if (!proof) return [];
      const { result } = proof.commits.statement;
      if (result.kind === 'activation') {
        this.#of(result.tid).activation = proof;
        return [{ activated: result.tid }];
      }
      if (proof.value.kind !== 'outcome') return [];
      this.#of(proof.value.tid).outcome = proof;
      for (const { registration, vote } of proof.value.records) {
        this.#keep(registration as Verified<Statement>);
        if (vote) this.#keep(vote as Verified<Statement>);
      }
      for (const one of proof.value.completion) this.#keep(one as Verified<Statement>);
      return [];
    });
  }

  #keepLock(bytes: Uint8Array): void {
    const lock = decodePreparedCertificate(this.#liar.cast.cluster.id, bytes);
    const { result } = lock.prePrepare.statement;
    const tid = lock.value.kind === 'outcome' ? lock.value.tid : undefined;
    const about = result.kind === 'activation' ? result.tid : tid;
    if (about) this.#of(about).locks.push(lock);
  }

  #keep(signed: Verified<Statement> | undefined): void {
    if (!signed || !('tid' in signed.statement)) return;
    const { statement } = signed;
    const { statements } = this.#of(signed.statement.tid);
    statements.set(JSON.stringify(statement), signed);
  }

  #of(tid: TransactionId): Kept {
    const known = this.#kept.get(tid) ?? { locks: [], statements: new Map() };
    this.#kept.set(tid, known);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    return known;
  }
}
