import { readAll, Writer } from '../../kernel/codec/bytes.js';
import { invariant, resendDelayMs, type StoredRecord } from '../../kernel/core.js';
import { oneCorrect, type ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { OutcomeTree } from '../check-proof.js';
import { readSessionCertificate, writeSessionCertificate } from '../proof.js';
import type {
  HistoryStatement,
  OperationOutcome,
  SessionCertificate,
  SessionId,
} from '../types.js';
import { decodePosition, encodePosition, type Simulated, type StoredPosition } from './held.js';
import { collectorsOf, Histories } from './histories.js';
import type { OperationStatus, SessionOutbox } from './outbox.js';

const TIMER = 'finals';
/** Positions that are wanted, and those that are asked for at once. */
const wantedMax = 1024;
const askedMax = 16;
/** Times that a position is asked for. */
const triesMax = 8;
/** A replica that waits for another's certificate asks for it after so many times the usual delay. */
const patience = 4;
/** Bytes of positions' records that are kept; `retainedPositions` of the largest would fill the memory. */
const retainedBytesMax = 128 * 1024 * 1024;

export type ProvedStatus = Extract<OperationStatus, { readonly proof: unknown }>;

interface Position extends StoredPosition {
  readonly tree: OutcomeTree;
  /** Where each operation's outcome stands. */
  readonly places: ReadonlyMap<string, number>;
  /** As it is stored. */
  readonly bytes: number;
  certificate: SessionCertificate<HistoryStatement> | undefined;
  /** This replica collects the signatures, and sends the certificate to all. */
  isCollector: boolean;
  isSought: boolean;
}

export interface FinalsEvents {
  /** The outcomes of a position are proved. */
  proved(position: number, outcomes: readonly OperationOutcome[]): void;
  simulated(outcome: OperationOutcome): Simulated;
  /** Whether this replica has promised the operation. */
  isPromised(outcome: OperationOutcome): boolean;
}

/**
 * The outcomes of the last positions, and the signatures of `f + 1` replicas that prove them. Each replica sends its own
 * to those that handed in what became final, `f + 1` of them at most: these collect a certificate, and send it to all. A
 * replica that receives none in time asks the others, so a collector that is silent or lies only makes it late.
 */
export class Finals {
  readonly #outbox: SessionOutbox;
  readonly #events: FinalsEvents;
  /** In their order, but for those that were fetched later. */
  readonly #positions = new Map<number, Position>();
  readonly #unproved = new Set<number>();
  /** Those of them that this replica collects, or has promised something of. */
  readonly #own = new Set<number>();
  /** The last position of this replica. */
  #last = 0;
  /** Positions that happened while this replica was away. */
  readonly #wanted = new Map<number, { tries: number }>();
  readonly #histories = new Histories();
  #resends = 0;
  #bytes = 0;

  constructor(outbox: SessionOutbox, events: FinalsEvents) {
    this.#outbox = outbox;
    this.#events = events;
  }

  restore(records: readonly StoredRecord[]): void {
    const { cluster } = this.#outbox.options;
    const certificates = new Map(
      this.#outbox
        .stored(records, 'certificate/')
        .map(([place, bytes]) => [
          Number(place),
          readAll(bytes, (reader) => readSessionCertificate(reader, cluster, 'history')),
        ]),
    );
    for (const [, bytes] of this.#outbox.stored(records, 'final/')) {
      const stored = decodePosition(cluster, bytes);
      const { position } = stored.history.statement;
      this.#put(stored, bytes.length).certificate = certificates.get(position);
      if (certificates.has(position)) continue;
      this.#unproved.add(position);
      this.#own.add(position);
    }
    this.#watch();
  }

  /** The machine has come to these outcomes, of what `submitters` handed in. */
  add(
    statement: HistoryStatement,
    outcomes: readonly OperationOutcome[],
    submitters: readonly ReplicaId[],
  ): void {
    const { position } = statement;
    if (this.#positions.has(position)) return;
    const { self, resilience } = this.#outbox.options;
    const added = this.#keep(statement, outcomes);
    const collectors = collectorsOf(position, submitters, resilience);
    added.isCollector = collectors.includes(self);
    const early = this.#histories.takeEarly(position);
    for (const replica of collectors) {
      if (replica === early?.from) continue;
      this.#outbox.send(replica, { kind: 'history', history: added.history });
    }
    this.#unproved.add(position);
    if (added.isCollector || outcomes.some((one) => this.#events.isPromised(one))) {
      // The timer that runs may be of positions that are not urgent.
      if (this.#own.size === 0) this.#outbox.stopTimer(TIMER);
      this.#own.add(position);
    }
    this.#resends = 0;
    if (early) this.#compare(added, early.certificate);
    if (!added.certificate) this.#check(added);
    this.#watch();
  }

  onHistory(from: ReplicaId, history: Signed<HistoryStatement>): void {
    const { position } = history.statement;
    const known = this.#positions.get(position);
    this.#histories.add(from, history, known?.certificate === undefined);
    if (known && !known.certificate) this.#check(known);
  }

  /** Proved outcomes of a position that this replica asked for. */
  onFinal(
    outcomes: readonly OperationOutcome[],
    certificate: SessionCertificate<HistoryStatement>,
  ): void {
    const { position } = certificate.statement;
    const known = this.#positions.get(position);
    if (known) return this.#compare(known, certificate);
    if (!this.#wanted.delete(position)) return;
    this.#prove(this.#keep(certificate.statement, outcomes), certificate);
  }

  /** A collector has enough signatures. */
  onCertificate(from: ReplicaId, certificate: SessionCertificate<HistoryStatement>): void {
    const { position } = certificate.statement;
    const known = this.#positions.get(position);
    if (known) this.#compare(known, certificate);
    this.#histories.addCertificate(from, certificate, position > this.#last);
  }

  #compare(known: Position, certificate: SessionCertificate<HistoryStatement>): void {
    const { position, root } = certificate.statement;
    const isSame = known.history.statement.root === root;
    if (!isSame) this.#outbox.log('error', 'history-diverged', { position });
    else if (this.#unproved.has(position)) this.#prove(known, certificate);
  }

  /** This replica's state was wrong: what it came to and nobody has confirmed is worth nothing. */
  doubt(): void {
    for (const position of [...this.#unproved]) this.#forget(position);
    this.#watch();
  }

  onFetch(from: ReplicaId, position: number): void {
    const known = this.#positions.get(position);
    if (known?.certificate) {
      const outcomes = known.outcomes.map(({ outcome }) => outcome);
      this.#outbox.send(from, { kind: 'final', outcomes, certificate: known.certificate });
    } else if (known) {
      this.#outbox.send(from, { kind: 'history', history: known.history });
    }
  }

  /** A peer is there again: it may have missed what this replica signed last. */
  greet(replica: ReplicaId): void {
    const last = [...this.#positions.keys()].slice(-1);
    for (const position of new Set([...[...this.#unproved].slice(-askedMax), ...last])) {
      const history = this.#positions.get(position)?.history;
      if (history) this.#outbox.send(replica, { kind: 'history', history });
    }
  }

  /** `f + 1` others have come at least so far: one of them is correct. */
  get othersAt(): number {
    return this.#histories.reachedBy(oneCorrect(this.#outbox.options.resilience));
  }

  /** Asks the others for a position whose outcomes this replica does not know, or cannot prove. */
  want(position: number): void {
    const known = this.#positions.get(position);
    if (known) return this.#seek(known);
    if (this.#wanted.has(position)) return;
    this.#wanted.set(position, { tries: 1 });
    const [oldest] = this.#wanted.keys();
    if (this.#wanted.size > wantedMax && oldest !== undefined) this.#wanted.delete(oldest);
    this.#outbox.askFor({ kind: 'final', position });
    this.#watch();
  }

  /** Once, and not for what this replica collects itself; from then on the timer asks. */
  #seek(known: Position): void {
    const { position } = known.history.statement;
    if (known.certificate || known.isSought || this.#own.has(position)) return;
    known.isSought = true;
    this.#outbox.askFor({ kind: 'final', position });
  }

  /** Whether the position's outcomes are known and proved here. */
  isProved(position: number): boolean {
    return this.#positions.get(position)?.certificate !== undefined;
  }

  /** What became of the operation at this position; `undefined` where that is not proved here. */
  statusOf(position: number, session: SessionId, sequence: number): ProvedStatus | undefined {
    const known = this.#positions.get(position);
    const index = known?.places.get(nameOf({ session, sequence }));
    const found = index === undefined ? undefined : known?.outcomes[index];
    if (!known?.certificate || !found || index === undefined) return undefined;
    const { outcome, simulated } = found;
    const { result } = outcome;
    const proof = { outcome, path: known.tree.path(index), certificate: known.certificate };
    const kind = result.kind === 'rejected' ? 'aborted' : 'committed';
    if (simulated === 'nothing') return { kind, result, proof };
    if (simulated === 'same') return { kind, result, simulated: result, proof };
    return { kind: kind === 'aborted' ? kind : 'changed', result, simulated, proof };
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== TIMER) return false;
    this.#resends += 1;
    for (const position of [...this.#unproved].slice(0, askedMax)) {
      const history = this.#positions.get(position)?.history;
      if (history) this.#outbox.broadcast({ kind: 'history', history });
      this.#outbox.askFor({ kind: 'final', position });
    }
    for (const [position, wanted] of [...this.#wanted].slice(0, askedMax)) {
      // The others may have forgotten it.
      if (wanted.tries >= triesMax) this.#wanted.delete(position);
      else this.#outbox.askFor({ kind: 'final', position });
      wanted.tries += 1;
    }
    this.#watch();
    return true;
  }

  #keep(statement: HistoryStatement, outcomes: readonly OperationOutcome[]): Position {
    const history = this.#outbox.sign(statement);
    const stored = outcomes.map((outcome) => ({
      outcome,
      simulated: this.#events.simulated(outcome),
    }));
    const record = encodePosition({ history, outcomes: stored });
    this.#outbox.persist(keyOf('final', statement.position), record);
    return this.#put({ history, outcomes: stored }, record.length);
  }

  #put(stored: StoredPosition, bytes: number): Position {
    const { position } = stored.history.statement;
    const outcomes = stored.outcomes.map(({ outcome }) => outcome);
    const places = new Map(outcomes.map((outcome, index) => [nameOf(outcome), index]));
    const tree = new OutcomeTree(outcomes);
    const added: Position = {
      ...{ ...stored, tree, places, bytes, certificate: undefined },
      ...{ isCollector: false, isSought: false },
    };
    this.#positions.set(position, added);
    this.#last = Math.max(this.#last, position);
    this.#bytes += bytes;
    const { retainedPositions } = this.#outbox.options;
    while (this.#positions.size > retainedPositions || this.#isTooLarge) this.#forgetOldest();
    return added;
  }

  /** The newest stays in any case. */
  get #isTooLarge(): boolean {
    return this.#bytes > retainedBytesMax && this.#positions.size > 1;
  }

  #forgetOldest(): void {
    const [oldest] = this.#positions.keys();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(position: number): void {
    this.#bytes -= this.#positions.get(position)?.bytes ?? 0;
    this.#positions.delete(position);
    this.#unproved.delete(position);
    this.#own.delete(position);
    this.#outbox.persistLater(keyOf('final', position), null);
    this.#outbox.persistLater(keyOf('certificate', position), null);
  }

  /** Whether enough others have signed the same. */
  #check(known: Position): void {
    const { statement, bytes, signature } = known.history;
    const { alike, others } = this.#histories.of(statement);
    const { resilience, self } = this.#outbox.options;
    const needed = oneCorrect(resilience);
    if (others >= needed) {
      this.#outbox.log('error', 'history-diverged', { position: statement.position });
    }
    if (alike.length + 1 < needed) return;
    const signatures = [{ replica: self, signature }, ...alike].sort(
      (a, b) => a.replica - b.replica,
    );
    const certificate = { statement, bytes, signatures };
    this.#prove(known, certificate);
    if (known.isCollector) this.#outbox.broadcast({ kind: 'certificate', certificate });
  }

  #prove(position: Position, certificate: SessionCertificate<HistoryStatement>): void {
    const { position: place, root } = certificate.statement;
    invariant(
      root === position.history.statement.root,
      'a position has the outcomes that its certificate is of',
    );
    position.certificate = certificate;
    const writer = new Writer();
    writeSessionCertificate(writer, certificate);
    this.#outbox.persistLater(keyOf('certificate', place), writer.finish());
    this.#unproved.delete(place);
    this.#own.delete(place);
    this.#histories.forget(place);
    this.#watch();
    this.#events.proved(
      place,
      position.outcomes.map(({ outcome }) => outcome),
    );
  }

  #watch(): void {
    if (this.#unproved.size === 0 && this.#wanted.size === 0) return this.#outbox.stopTimer(TIMER);
    const { resendAfterMs } = this.#outbox.options;
    const isUrgent = this.#own.size > 0 || this.#wanted.size > 0 || this.#resends > 0;
    const firstMs = isUrgent ? resendAfterMs : patience * resendAfterMs;
    this.#outbox.ensureTimer(TIMER, resendDelayMs(firstMs, this.#resends));
  }
}

function keyOf(kind: 'final' | 'certificate', position: number): string {
  return `${kind}/${String(position).padStart(16, '0')}`;
}

function nameOf({ session, sequence }: Pick<OperationOutcome, 'session' | 'sequence'>): string {
  return `${session} ${sequence}`;
}
