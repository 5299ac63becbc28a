import { newMember } from '../../src/agreement/core/abstentions.js';
import { Bonds } from '../../src/agreement/core/bonds.js';
import type { Bonded, SlotState } from '../../src/agreement/core/slot.js';
import { AgreementState } from '../../src/agreement/core/state.js';
import {
  type PhaseStatement,
  type Proposal,
  type SlotValue,
  slotKey,
} from '../../src/agreement/messages.js';
import { fastQuorum } from '../../src/agreement/two-step.js';
import {
  primaryOf,
  quorum,
  type ReplicaId,
  type Resilience,
  type View,
  view,
  witnesses,
} from '../../src/kernel/ids.js';
import { type Evidence, upTo } from '../support/evidence.js';
import { ballot } from './scene.js';
import type { Pick } from './two-step-model.js';

export type Kind = 'activation' | 'outcome';

interface Correct {
  readonly id: ReplicaId;
  state: AgreementState;
  bonds: Bonds;
  /** Its disk is lost, and it has not recovered. */
  isLost: boolean;
}

const VIEWS = 5;
const ATTEMPTS = 3;
const noBytes = new Uint8Array(64);

/**
 * The production rules of one slot in two steps (votes, locks, bonds, releases, what is witnessed), one set for each correct
 * replica. Whatever chooses moves the messages, and speaks for the `f` liars: these vote for all, witness all, and say
 * that anything or nothing binds them. In the slot of an activation disks are lost, too, one at a time.
 */
export class History {
  /** What has been decided, by its digest, and how. */
  readonly decided = new Map<string, string>();
  readonly violations: string[] = [];
  readonly counts = { fast: 0, committed: 0, released: 0, lost: 0, back: 0 };
  readonly #resilience: Resilience;
  readonly #evidence: Evidence;
  readonly #kind: Kind;
  readonly #pick: Pick;
  readonly #correct: Correct[];
  readonly #values = new Map<string, SlotValue>();
  readonly #proposed = new Map<string, Proposal>();
  readonly #witnessed = new Map<number, Set<number>>();
  readonly #votes = new Map<string, Set<number>>();
  readonly #commits = new Map<string, Set<number>>();
  readonly #said: Said[] = [];
  readonly #released: { readonly key: string; readonly digest: string }[] = [];

  constructor(evidence: Evidence, kind: Kind, pick: Pick) {
    this.#evidence = evidence;
    this.#resilience = evidence.of.cluster.resilience;
    this.#kind = kind;
    this.#pick = pick;
    const { n, f } = this.#resilience;
    const first = pick(n);
    const honest = upTo(n - f).map((index) => ((first + index) % n) as ReplicaId);
    this.#correct = honest.map((id) => ({ id, isLost: false, ...this.#fresh(id) }));
    if (kind === 'outcome') this.#learnValue('abort', evidence.commitValue({ outcome: 'abort' }));
  }

  run(steps: number): void {
    const actions = [
      () => this.#enter(),
      () => this.#most((one) => this.#witness(one)),
      () => this.#voteFor(this.#anyValue()),
      () => this.#voteFor([...this.#values.values()].at(-1)),
      () => this.#voteFor([...this.#proposed.values()].at(-1)?.value),
      () => this.#lock(),
      () => this.#most((one) => this.#commit(one)),
      () => this.#most((one) => this.#say(one)),
      () => this.#most((one) => this.#hear(one)),
      () => this.#lie(),
      () => this.#learn(),
      () => (this.#kind === 'activation' ? this.#loseOrRecover() : undefined),
    ];
    for (let step = 0; step < steps; step += 1) {
      actions[this.#pick(actions.length)]?.();
      if (this.decided.size > 1) this.violations.push('two decisions');
      if (this.violations.length > 0) return;
    }
    for (const { key, digest } of this.#released) {
      if (this.#isFast(key)) this.violations.push(`released, and decided: ${digest}`);
    }
  }

  // What correct replicas do -----------------------------------------------------------------------

  #most(act: (one: Correct) => void): void {
    for (const one of this.#correct) if (this.#pick(4) > 0) act(one);
  }

  #enter(): void {
    const next = this.#any().state.view + 1 + this.#pick(2);
    if (next >= VIEWS) return;
    this.#most(({ state }) => {
      if (state.view < next) state.enterView(view(next));
    });
  }

  /** It states in its view that nothing of earlier views binds it. Two values come of it, as a primary may choose. */
  #witness(one: Correct): void {
    const { state } = one;
    if (one.isLost || !state.mayWitness(this.#slotOf(one))) return;
    const inView = state.view;
    const all = this.#witnessed.get(inView) ?? new Set();
    this.#witnessed.set(inView, all.add(one.id));
    if (all.size + this.#resilience.f < quorum(this.#resilience)) return;
    for (const which of [0, 1])
      this.#learnValue(`${which} of ${inView}`, this.#valueOf(which, inView));
  }

  /** For whatever the primary of its view has proposed; as that primary, for whatever it may propose. */
  #voteFor(value: SlotValue | undefined): void {
    const number = Math.max(0, this.#pick(2 * ATTEMPTS) - ATTEMPTS);
    const inView = this.#any().state.view;
    const odds = 1 + this.#pick(3);
    const primary = primaryOf(this.#resilience, inView);
    const inOrder = [...this.#correct].sort(
      (a, b) => Number(b.id === primary) - Number(a.id === primary),
    );
    for (const one of inOrder) {
      const isThere = one.state.view === inView && !one.isLost;
      if (value && isThere && (one.id === primary || this.#pick(4) < odds))
        this.#vote(one, value, number);
    }
  }

  #vote(one: Correct, value: SlotValue, number: number): void {
    const inView = one.state.view;
    const primary = primaryOf(this.#resilience, inView);
    const { prePrepare } = this.#evidenceOf(value, inView, number);
    const key = keyOf(prePrepare.statement);
    const { slot: _slot, ballot: at, digest, result } = prePrepare.statement;
    this.#slotOf(one);
    if (primary === one.id) {
      const proposed = { slot: this.#slotKind, ballot: at, digest, result };
      if (one.state.rules.prePrepare(proposed, value).kind === 'refused') return;
      this.#proposed.set(key, { prePrepare, value });
    } else {
      if (this.#isCorrect(primary) && !this.#proposed.has(key)) return;
      if (one.state.rules.prepare({ prePrepare, value }).kind === 'refused') return;
      this.#proposed.set(key, { prePrepare, value });
    }
    this.#votes.set(key, (this.#votes.get(key) ?? new Set()).add(one.id));
    if (this.#isFast(key)) {
      this.counts.fast += 1;
      this.decided.set(digest, `fast at ${key}`);
    }
  }

  #lock(): void {
    const one = this.#any();
    const prepared = [...this.#proposed].filter(([key]) => this.#has(this.#votes, key));
    const [, proposal] = prepared[this.#pick(prepared.length)] ?? [];
    if (one.isLost || !proposal) return;
    const { prePrepare, value } = proposal;
    const statement: PhaseStatement = { ...prePrepare.statement, phase: 'prepare' };
    this.#slotOf(one);
    one.state.rules.lock({
      prePrepare,
      prepares: { statement, bytes: noBytes, signatures: [] },
      value,
    });
  }

  #commit(one: Correct): void {
    const { lock } = this.#slotOf(one);
    if (one.isLost || lock?.prePrepare.statement.ballot.view !== one.state.view) return;
    const { statement } = lock.prePrepare;
    if (one.state.rules.commit(statement).kind === 'refused') return;
    const key = keyOf(statement);
    this.#commits.set(key, (this.#commits.get(key) ?? new Set()).add(one.id));
    if (!this.#has(this.#commits, key)) return;
    this.counts.committed += 1;
    this.decided.set(statement.digest, `committed at ${key}`);
  }

  /** By what it is bound, or that nothing binds it: to be received at any time. */
  #say(one: Correct): void {
    const slot = this.#slotOf(one);
    const inView = one.state.view;
    const isBound = slot.bond && slot.bond.prePrepare.statement.ballot.view < inView;
    if (one.isLost || (!isBound && !one.state.mayWitness(slot))) return;
    const proposal = isBound && slot.bond ? slot.bond : null;
    const bonded = { kind: 'bonded', slot: this.#slotKind, view: inView, proposal } as const;
    this.#said.push({ from: one.id, bonded });
  }

  #hear(one: Correct): void {
    for (const heard of this.#said) if (this.#pick(2) === 0) this.#hearOf(one, heard);
  }

  #hearOf(one: Correct, heard: Said): void {
    if (one.isLost || heard.from === one.id) return;
    const slot = this.#slotOf(one);
    const before = slot.bond?.prePrepare.statement;
    one.bonds.onBonded(heard.from, slot, heard.bonded);
    if (!before || slot.bond) return;
    this.counts.released += 1;
    this.#released.push({ key: keyOf(before), digest: before.digest });
  }

  /** The proof of a decision comes to it. */
  #learn(): void {
    const one = this.#any();
    const fast = [...this.#proposed].filter(([key]) => this.#isFast(key));
    const [, proposal] = fast[this.#pick(fast.length)] ?? [];
    if (one.isLost || !proposal) return;
    this.#slotOf(one);
    one.state.rules.decidedEarly({ ...proposal.prePrepare.statement, phase: 'prepare' });
  }

  // Liars, and disks -------------------------------------------------------------------------------

  /** A liar says that any proposal of a primary that lies binds it, or nothing. */
  #lie(): void {
    const liars = upTo(this.#resilience.n).filter((id) => !this.#isCorrect(id));
    const from = liars[this.#pick(liars.length)] as ReplicaId | undefined;
    if (from === undefined) return;
    const inView = view(1 + this.#pick(VIEWS));
    const value = this.#pick(2) === 0 ? undefined : this.#anyValue();
    const of = this.#pick(inView);
    const isLiar = !this.#isCorrect(primaryOf(this.#resilience, view(of)));
    const proposal = value && isLiar ? this.#evidenceOf(value, of, 0) : null;
    this.#said.push({
      from,
      bonded: { kind: 'bonded', slot: this.#slotKind, view: inView, proposal },
    });
  }

  #loseOrRecover(): void {
    const lost = this.#correct.find(({ isLost }) => isLost);
    if (lost) return this.#recover(lost);
    if (this.#pick(2) > 0) return;
    this.counts.lost += 1;
    this.#any().isLost = true;
  }

  /** As `Recovery` does: others that have left its views name the slot, or do not; the liars name nothing. */
  #recover(lost: Correct): void {
    const upTo = lost.state.view;
    const able = this.#correct.filter((one) => one !== lost && one.state.view > upTo);
    const needed = witnesses(this.#resilience) - this.#resilience.f;
    if (able.length < needed) return;
    while (able.length > needed) able.splice(this.#pick(able.length), 1);
    const isNamed = able.some((one) => {
      const { vote, lock, bond } = this.#slotOf(one);
      return vote || lock || bond || one.state.abstentions.has(slotKey(this.#slotKind));
    });
    Object.assign(lost, { isLost: false, ...this.#fresh(lost.id, []) });
    lost.state.abstentions.recovered(isNamed ? [this.#slotKind] : [], upTo);
    lost.state.enterView((upTo + 1) as View);
    this.counts.back += 1;
  }

  #fresh(id: ReplicaId, records = newMember): Made {
    const { cluster } = this.#evidence.of;
    const options = {
      ...{ cluster: cluster.id, resilience: this.#resilience, agreement: cluster.agreement },
      ...{ suspectAfterMs: 1, resendAfterMs: 1, shownTransactions: 0, entropy: noBytes },
      ...{ self: id, sign: () => noBytes },
    };
    const state = new AgreementState(options, { closed: () => {}, isForgotten: () => false });
    state.abstentions.restore(records);
    return { state, bonds: new Bonds(state) };
  }

  // What there is ----------------------------------------------------------------------------------

  #isCorrect(id: number): boolean {
    return this.#correct.some((one) => one.id === id);
  }

  #any(): Correct {
    return this.#correct[this.#pick(this.#correct.length)] as Correct;
  }

  #anyValue(): SlotValue | undefined {
    return [...this.#values.values()][this.#pick(this.#values.size)];
  }

  #learnValue(name: string, value: SlotValue): void {
    this.#values.set(name, value);
  }

  get #slotKind() {
    return this.#evidence.phase('prepare', this.#valueOf(0, 0)).slot;
  }

  #slotOf(one: Correct): SlotState {
    const slot = one.state.slotState(this.#slotKind);
    if (!slot) throw new Error('no slot is decided here');
    return slot;
  }

  #valueOf(which: number, inView: number): SlotValue {
    return madeValue(this.#evidence, this.#kind, which, inView);
  }

  #evidenceOf(value: SlotValue, inView: number, number: number): Proposal {
    const statement = this.#evidence.phase('pre-prepare', value, ballot(inView, number));
    return { prePrepare: { statement, bytes: noBytes, signature: noBytes }, value };
  }

  /** The correct ones and the liars are a quorum. */
  #has(said: ReadonlyMap<string, ReadonlySet<number>>, key: string): boolean {
    return (said.get(key)?.size ?? 0) + this.#resilience.f >= quorum(this.#resilience);
  }

  #isFast(key: string): boolean {
    const isFirst = key.split(' ')[1] === '0';
    const count = (this.#votes.get(key)?.size ?? 0) + this.#resilience.f;
    return isFirst && count >= fastQuorum(this.#resilience);
  }
}

/** On its way, to be received at any time and more than once. */
type Said = { readonly from: ReplicaId; readonly bonded: Bonded };
type Made = { readonly state: AgreementState; readonly bonds: Bonds };

function keyOf({ ballot, digest }: PhaseStatement): string {
  return `${ballot.view} ${ballot.attempt} ${digest}`;
}

const made = new Map<string, SlotValue>();

function madeValue(evidence: Evidence, kind: Kind, which: number, inView: number): SlotValue {
  const { resilience } = evidence.of.cluster;
  const name = `${resilience.n} ${kind} ${which} ${inView}`;
  const value = made.get(name) ?? (kind === 'activation' ? activation() : commit());
  made.set(name, value);
  return value;

  function activation(): SlotValue {
    const chosen = upTo(resilience.n).slice(which).slice(0, quorum(resilience));
    const proposals = chosen.map((one) => evidence.proposal(one, { view: view(inView) }));
    return evidence.activationValue({ proposals });
  }

  function commit(): SlotValue {
    const base = evidence.commitValue();
    const completion = which === 0 ? base.completion : [...base.completion].reverse();
    return evidence.closed({ ...base, completion }, { view: view(inView) });
  }
}
