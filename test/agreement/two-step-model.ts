import {
  fastQuorum,
  type InView,
  type TwoStepChoice,
  type TwoStepVote,
} from '../../src/agreement/two-step.js';
import {
  primaryOf,
  quorum,
  type ReplicaId,
  type Resilience,
  type View,
} from '../../src/kernel/ids.js';

/** Chooses one of so many. What chooses is the adversary: it moves messages, and speaks for the liars. */
export type Pick = (count: number) => number;

/** A start of a view, as `f + 1` replicas confirmed it. A primary that lies may have two. */
interface Start {
  readonly view: View;
  /** What it requires; `null` where the primary is free. */
  readonly required: string | null;
}

interface Correct {
  readonly id: ReplicaId;
  /** It takes part in no view below. */
  promised: number;
  acked: InView<string> | null;
  certified: InView<string> | null;
  start: Start;
}

export type Rule = (
  votes: readonly TwoStepVote<string>[],
  resilience: Resilience,
) => TwoStepChoice<string>;

const VIEWS = 4;
const VALUES = ['a', 'b', 'c'];

/** One slot, at the correct replicas; everything else is up to the adversary. */
export class TwoStepModel {
  readonly decided = new Set<string>();
  /** How many views were opened. */
  opened = 0;
  readonly #resilience: Resilience;
  readonly #rule: Rule;
  readonly #pick: Pick;
  readonly #liars: ReadonlySet<number>;
  readonly #correct: Correct[] = [];
  readonly #starts: Start[] = [{ view: 0 as View, required: null }];
  /** What a correct primary has proposed in its view. */
  readonly #proposed = new Map<number, string>();
  readonly #acks = new Map<string, Set<number>>();
  readonly #commits = new Map<string, Set<number>>();
  readonly #certificates: InView<string>[] = [];

  constructor(resilience: Resilience, rule: Rule, pick: Pick) {
    this.#resilience = resilience;
    this.#rule = rule;
    this.#pick = pick;
    const { n, f } = resilience;
    // Any of the first replicas may lie, for those are primaries here.
    const liars = new Set<number>();
    while (liars.size < f) liars.add(pick(n));
    this.#liars = liars;
    const [start] = this.#starts;
    if (!start) throw new Error('no first view');
    for (let id = 0; id < n; id += 1) {
      if (liars.has(id)) continue;
      const fresh = { promised: 0, acked: null, certified: null, start };
      this.#correct.push({ id: id as ReplicaId, ...fresh });
    }
  }

  step(): void {
    const moves = [() => this.#open(), () => this.#ack(), () => this.#ack(), () => this.#commit()];
    moves[this.#pick(moves.length)]?.();
    this.#decide();
  }

  /** Some ask for a view, and it opens where the rule allows. */
  #open(): void {
    const view = (1 + this.#pick(VIEWS - 1)) as View;
    const primary = primaryOf(this.#resilience, view);
    const isLiar = this.#liars.has(primary);
    if (!isLiar && this.#starts.some((start) => start.view === view)) return;
    const asking = this.#correct.filter(
      ({ promised, acked }) => promised <= view && (acked?.view ?? -1) < view && this.#pick(4) > 0,
    );
    for (const one of asking) one.promised = view;
    const votes = asking.map(({ id, acked, certified }) => ({ replica: id, acked, certified }));
    const lies = [...this.#liars].flatMap((liar) =>
      this.#pick(5) > 0 ? [this.#lie(liar, view)] : [],
    );
    const choice = this.#rule([...votes, ...lies], this.#resilience);
    if (choice.kind === 'wait') return;
    this.opened += 1;
    this.#starts.push({ view, required: choice.kind === 'required' ? choice.value : null });
  }

  /** What a liar can show: any certificate there is, and what a primary signed after a start that is proved. */
  #lie(liar: number, below: View): TwoStepVote<string> {
    const replica = liar as ReplicaId;
    const certificates = this.#certificates.filter(({ view }) => view < below);
    const certified = certificates[this.#pick(certificates.length + 1)] ?? null;
    const starts = this.#starts.filter(({ view }) => view < below);
    const start = starts[this.#pick(starts.length + 1)];
    if (!start) return { replica, acked: null, certified };
    const value = this.#signed(start);
    return { replica, acked: value === undefined ? null : { view: start.view, value }, certified };
  }

  /** A value that the primary has signed, or signs now, where this start allows it. */
  #signed({ view, required }: Start): string | undefined {
    const wanted = required ?? VALUES[this.#pick(VALUES.length)];
    if (this.#liars.has(primaryOf(this.#resilience, view)) || wanted === undefined) return wanted;
    const value = this.#proposed.get(view) ?? wanted;
    this.#proposed.set(view, value);
    return required === null || value === required ? value : undefined;
  }

  #ack(): void {
    const one = this.#correct[this.#pick(this.#correct.length)];
    const start = this.#starts[this.#pick(this.#starts.length)];
    if (!one || !start || start.view < one.promised) return;
    // It enters a view once, by one start.
    if (one.start.view === start.view ? one.start !== start : start.view < one.start.view) return;
    if (one.acked && one.acked.view >= start.view) return;
    const value = this.#signed(start);
    if (value === undefined) return;
    one.promised = start.view;
    one.start = start;
    one.acked = { view: start.view, value };
    setOf(this.#acks, one.acked).add(one.id);
  }

  #commit(): void {
    const one = this.#correct[this.#pick(this.#correct.length)];
    if (!one?.acked || one.promised > one.acked.view) return;
    if (one.certified?.view === one.acked.view) return;
    const acks = setOf(this.#acks, one.acked).size + this.#liars.size;
    if (acks < quorum(this.#resilience)) return;
    one.certified = one.acked;
    setOf(this.#commits, one.acked).add(one.id);
  }

  #decide(): void {
    const { f } = this.#resilience;
    for (const [name, acks] of this.#acks) {
      const known = { view: Number(name.split(' ')[0]) as View, value: name.split(' ')[1] ?? '' };
      if (acks.size + f >= fastQuorum(this.#resilience)) this.decided.add(known.value);
      const isCertified = acks.size + f >= quorum(this.#resilience);
      const isNew = !this.#certificates.some((one) => nameOf(one) === name);
      if (isCertified && isNew) this.#certificates.push(known);
    }
    for (const [name, commits] of this.#commits) {
      if (commits.size + f >= quorum(this.#resilience)) this.decided.add(name.split(' ')[1] ?? '');
    }
  }
}

function nameOf({ view, value }: InView<string>): string {
  return `${view} ${value}`;
}

function setOf(sets: Map<string, Set<number>>, at: InView<string>): Set<number> {
  const known = sets.get(nameOf(at)) ?? new Set();
  sets.set(nameOf(at), known);
  return known;
}
