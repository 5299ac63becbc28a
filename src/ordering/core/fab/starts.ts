import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import { type Digest, oneCorrect, type ReplicaId, type View } from '../../../kernel/ids.js';
import { statementReader } from '../../statement-codec.js';
import { digestOfTable, readStart, writeStart } from '../../two-step-codec.js';
import type { SharedCertificate, ViewConfirmation, ViewStart, ViewTable } from '../../types.js';
import type { NewViewProposals, RuleHost, Starts } from '../sequence/rule.js';
import type { SequenceState } from '../sequence/state.js';

type Confirmations = SharedCertificate<ViewConfirmation>;

/** One replica's confirmation. */
interface Heard {
  readonly from: Pick<Confirmations, 'statement' | 'bytes'>;
  readonly signature: Confirmations['signatures'][number];
}

/**
 * The starts of views, as `f + 1` replicas confirm them. This replica acknowledges nothing in a view before, and shows
 * the starts of those that it did in when it leaves for another: so one correct replica at least has recomputed what
 * each of them required, and nobody need show the view changes that it came from.
 */
export class ViewStarts implements Starts {
  readonly #state: SequenceState;
  readonly #host: RuleHost;
  /** The last confirmation of each replica; others may be in a view before this one is. */
  readonly #heard = new Map<ReplicaId, Heard>();
  /** Of the views that something in the log was acknowledged in. */
  readonly #proved = new Map<View, ViewStart>();
  #current: { readonly table: ViewTable; readonly digest: Digest } | undefined;

  constructor(state: SequenceState, host: RuleHost) {
    this.#state = state;
    this.#host = host;
  }

  /** Throws unless this replica may have acknowledged something there. */
  of(view: View): ViewStart {
    const start = this.#proved.get(view);
    invariant(start !== undefined, 'a replica acknowledges where the start of the view is proved');
    return start;
  }

  restore(records: readonly StoredRecord[]): void {
    const { outbox, options } = this.#state;
    for (const [view, bytes] of outbox.stored(records, 'start/')) {
      const start = readAll(bytes, (reader) => readStart(statementReader(reader, options.cluster)));
      this.#proved.set(Number(view) as View, start);
    }
  }

  begin(view: View, { stable, digests }: NewViewProposals): void {
    this.#forgetOthers(view);
    const table = { low: stable?.statement.position ?? 0, digests: [...digests.values()] };
    this.#current = { table, digest: digestOfTable(table) };
    if (this.#proved.has(view)) {
      this.#state.isJustified = true;
      return;
    }
    this.#confirm(view);
    this.#check();
  }

  show(to: ReplicaId): void {
    const confirmations = this.#matching();
    if (confirmations) this.#state.outbox.send(to, { kind: 'confirmation', confirmations });
  }

  sayAgain(): void {
    const own = this.#heard.get(this.#state.self);
    if (own) this.#state.outbox.broadcast({ kind: 'confirmation', confirmations: sharedOf([own]) });
  }

  /** One that says its own again lacks those of others. */
  onMessage(from: ReplicaId, confirmations: Confirmations): void {
    const { statement, signatures } = confirmations;
    const [first] = signatures;
    const isAlone = signatures.length === 1 && first?.replica === from;
    const isAgain = isAlone && this.#heard.get(from)?.from.statement.view === statement.view;
    for (const signature of signatures) this.#hear({ from: confirmations, signature });
    if (isAgain && statement.view === this.#state.view) this.show(from);
    this.#check();
  }

  #hear(heard: Heard): void {
    const known = this.#heard.get(heard.signature.replica)?.from.statement.view ?? 0;
    if (heard.from.statement.view >= known) this.#heard.set(heard.signature.replica, heard);
  }

  #confirm(view: View): void {
    const { outbox, self, closedThrough } = this.#state;
    if (!this.#current || view <= closedThrough) return;
    const { digest } = this.#current;
    const { scope } = outbox;
    const signed = outbox.sign<ViewConfirmation>({ kind: 'confirmation', scope, view, digest });
    const { statement, bytes, signature } = signed;
    this.#hear({ from: { statement, bytes }, signature: { replica: self, signature } });
    this.sayAgain();
  }

  #check(): void {
    const { isJustified, view, options, outbox } = this.#state;
    if (isJustified || !this.#current) return;
    const confirmations = this.#matching();
    const least = oneCorrect(options.resilience);
    if (!confirmations || confirmations.signatures.length < least) return;
    const shown = { ...confirmations, signatures: confirmations.signatures.slice(0, least) };
    const start: ViewStart = { table: this.#current.table, confirmations: shown };
    this.#proved.set(view, start);
    outbox.persistSigned(`start/${view}`, () => {
      const writer = new Writer();
      writeStart(writer, start);
      return writer.finish();
    });
    this.#state.isJustified = true;
    this.#host.justified();
  }

  /** All that confirm the current view as this replica has recomputed it. */
  #matching(): Confirmations | undefined {
    const { view } = this.#state;
    const matching = [...this.#heard.values()]
      .filter(({ from: { statement } }) => statement.view === view)
      .filter(({ from: { statement } }) => statement.digest === this.#current?.digest)
      .sort((a, b) => a.signature.replica - b.signature.replica);
    return matching.length > 0 ? sharedOf(matching) : undefined;
  }

  /** A view is shown only with what was acknowledged in it. */
  #forgetOthers(current: View): void {
    const shown = [...this.#state.log.values()].map(
      ({ accepted }) => accepted?.prePrepare.statement.view,
    );
    for (const view of this.#proved.keys()) {
      if (view === current || shown.includes(view)) continue;
      this.#proved.delete(view);
      this.#state.outbox.persist(`start/${view}`, null);
    }
  }
}

function sharedOf(heard: readonly Heard[]): Confirmations {
  const [first] = heard;
  invariant(first !== undefined, 'a certificate has a signature');
  const { statement, bytes } = first.from;
  return { statement, bytes, signatures: heard.map(({ signature }) => signature) };
}
