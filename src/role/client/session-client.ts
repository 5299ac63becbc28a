import { randomBytes, randomInt, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationStatus } from '../../core/session/messages.js';
import { Keyring } from '../../crypto/keyring.js';
import { beginChain, newHeader, ownerSigner } from '../../crypto/session/owner.js';
import { type SessionProblem, SessionProblemError } from '../../edge/session/problem.js';
import type { SessionAnswer } from '../../edge/session/status-json.js';
import type { Cluster, CoordinatorMember } from '../../vocabulary/cluster.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type { SessionId, SessionOperation } from '../../vocabulary/session.js';
import type { Credentials } from '../soap-identity.js';
import { checkStatus } from './session-checks.js';
import { NodeError, SessionError } from './session-error.js';
import { Deferred, type LoggedOperation, type Performed, SessionLog } from './session-log.js';
import { SessionNode } from './session-node.js';

export type { FinalStatus } from './session-checks.js';
export type { Performed } from './session-log.js';

export interface SessionClientOptions {
  readonly cluster: Cluster;
  /** The owner's own name, certificate and key. */
  readonly node: Credentials & { readonly name: string };
  readonly application: string;
  /** Name of the coordinator to begin at; any unless given. Throws `RangeError` where there is none. */
  readonly home?: string;
  /** For one answer of a coordinator; 4000 unless given. */
  readonly answerTimeoutMs?: number;
  /** An operation without an answer from any coordinator for so long fails; 60 000 unless given. */
  readonly giveUpAfterMs?: number;
  /** What has been asked to commit and is not final after so long goes to another one; 8000 unless given. */
  readonly finalAfterMs?: number;
  /** Told all that is learned of operations, once it is checked. */
  readonly onStatus?: (sequence: number, status: OperationStatus) => void;
  /** Told when another coordinator takes the place of the home, and why. */
  readonly onHome?: (name: string, reason: string) => void;
}

const pauseMs = 100;
const pauseMaxMs = 2000;

/**
 * One session of one owner. Operations are chained, signed and handed to one coordinator, the home; when
 * that is silent, busy for ever, or says what it cannot prove, the next one gets all that is not final.
 * Nothing is done twice: an operation is known by its number.
 */
export class SessionClient {
  readonly #options: SessionClientOptions;
  readonly #keyring: Keyring;
  readonly #log: SessionLog;
  readonly #line: readonly CoordinatorMember[];
  readonly #refusals = new Map<ReplicaId, SessionProblem>();
  #turn = 0;
  /** Operations up to this one are known to the home. */
  #sent = 0;
  /** Those up to this one shall be ordered. */
  #commitUpTo = 0;
  #committed = 0;
  #commits: { upTo: number; done: Deferred<void> }[] = [];
  #listening: AbortController | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #pumping = false;
  #failures = 0;
  #wellMs = performance.now();
  #isClosed = false;

  /** Throws `TypeError` where the node's key is not on P-256. */
  constructor(options: SessionClientOptions) {
    const { cluster, node, application, home } = options;
    this.#options = options;
    this.#keyring = Keyring.shared(cluster);
    const header = newHeader({
      application,
      owner: node.name,
      certificate: new X509Certificate(node.certificate).raw,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    const chain = beginChain(cluster.id, header);
    this.#log = new SessionLog(cluster.id, chain, ownerSigner(node.privateKey));
    this.#line = lineFrom(cluster.coordinators, home);
  }

  get session(): SessionId {
    return this.#log.session;
  }

  /** Name of the coordinator that has the session now. */
  get home(): string {
    return this.#home.name;
  }

  /** Rejects with `SessionError` where no coordinator answers it. */
  call(payload: string): Promise<Performed> {
    return this.#append({ kind: 'call', payload });
  }

  /** Has what waits ordered now; resolves once that is under way. */
  commit(): Promise<void> {
    const done = new Deferred<void>();
    this.#commitUpTo = this.#log.length;
    this.#commits.push({ upTo: this.#commitUpTo, done });
    this.#pump();
    return done.promise;
  }

  /** The last operation: nothing follows it. Ordered at once, with all before it. */
  end(): Promise<Performed> {
    this.#commitUpTo = this.#log.length + 1;
    return this.#append({ kind: 'end' });
  }

  /** What the coordinators have promised of an operation: evidence, should they not keep it. */
  receipts(sequence: number): LoggedOperation['receipts'] | undefined {
    return this.#log.at(sequence)?.receipts;
  }

  /** Lets go. What is not final is not learned here any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopListening();
    this.#fail(new SessionError('closed', 'the session’s client was closed'));
  }

  get #home(): CoordinatorMember {
    const home = this.#line[this.#turn % this.#line.length];
    if (home === undefined) throw new RangeError('the cluster has no coordinators');
    return home;
  }

  #node(): SessionNode {
    const { cluster, answerTimeoutMs = 4000 } = this.#options;
    return new SessionNode(cluster.id, this.#home.url, answerTimeoutMs);
  }

  #append(operation: SessionOperation): Promise<Performed> {
    if (this.#isClosed) return Promise.reject(new SessionError('closed', 'the client is closed'));
    if (this.#log.firstOpen > this.#log.length) this.#wellMs = performance.now();
    const logged = this.#log.append(operation);
    this.#pump();
    return logged.answered.promise;
  }

  /** Hands in what the home lacks. One at a time. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#work().catch((error: Error) => this.#fail(error));
  }

  async #work(): Promise<void> {
    // Calls made in one go travel in one run.
    await Promise.resolve();
    try {
      while (!this.#isClosed && this.#hasWork()) await this.#step();
    } finally {
      // At once: what is appended from now on finds nobody at work.
      this.#pumping = false;
    }
  }

  async #step(): Promise<void> {
    const turn = this.#turn;
    try {
      const { answer, committed } = await this.#handIn();
      if (turn !== this.#turn || this.#isClosed) return;
      this.#sent = Math.max(this.#sent, Math.min(answer.next - 1, this.#log.length));
      this.#take(answer.session, answer.statuses);
      if (committed !== undefined) this.#onCommitted(committed);
      this.#failures = 0;
      this.#wellMs = performance.now();
      this.#refusals.clear();
      this.#listen();
    } catch (error) {
      if (turn === this.#turn) await this.#onFailure(error);
    }
  }

  #hasWork(): boolean {
    return this.#sent < this.#log.length || this.#committed < this.#commitUpTo;
  }

  /** `committed`: operations up to this one have been asked to be ordered. */
  async #handIn(): Promise<{ answer: SessionAnswer; committed?: number }> {
    const node = this.#node();
    const upTo = this.#commitUpTo;
    if (this.#sent >= this.#log.length) {
      return { answer: await node.commit(this.session), committed: upTo };
    }
    const run = this.#log.runFrom(this.#sent + 1);
    const last = this.#sent + run.operations.length;
    const commit = upTo > this.#sent && upTo <= last;
    const answer = await node.perform({ run, commit });
    return { answer, ...(commit && { committed: upTo }) };
  }

  #onCommitted(upTo: number): void {
    this.#committed = Math.max(this.#committed, upTo);
    for (const { upTo: asked, done } of this.#commits) if (asked <= upTo) done.resolve();
    this.#commits = this.#commits.filter(({ upTo: asked }) => asked > upTo);
    this.#expectFinal();
  }

  async #onFailure(error: unknown): Promise<void> {
    const { giveUpAfterMs = 60_000 } = this.#options;
    if (performance.now() - this.#wellMs > giveUpAfterMs) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#wellMs = performance.now();
      return this.#fail(new SessionError('unreachable', `no coordinator takes it: ${reason}`));
    }
    if (error instanceof SessionProblemError) return this.#onProblem(error.problem);
    if (!(error instanceof NodeError)) throw error;
    this.#leave(error.message);
    await this.#pause();
  }

  async #onProblem(problem: SessionProblem): Promise<void> {
    if (problem.code === 'busy') {
      // Somewhat apart from others that were told the same.
      const waitMs = Math.min(problem.retryAfterMs, pauseMaxMs) * (1 + Math.random() / 2);
      await sleep(Math.max(waitMs, 10), undefined, { ref: true });
      this.#failures += 1;
      if (this.#failures > busyMax) this.#leave('it is busy');
      return;
    }
    if (problem.code === 'gap' && problem.next >= 1 && problem.next <= this.#sent) {
      this.#sent = problem.next - 1;
      this.#failures += 1;
      if (this.#failures > gapsMax) this.#leave('it asks for the same again and again');
      return;
    }
    if (problem.code === 'unknown-session' && this.#sent > 0) {
      this.#sent = 0;
      return;
    }
    // A coordinator may lie; `f + 1` of them do not.
    this.#refusals.set(this.#home.id, problem);
    const { message } = new SessionProblemError(problem);
    if (this.#refusals.size > this.#keyring.resilience.f) {
      this.#refusals.clear();
      return this.#fail(new SessionError('refused', message, problem));
    }
    this.#leave(message);
  }

  /** Goes to the next coordinator with all that is not final. */
  #leave(reason: string): void {
    this.#stopListening();
    this.#turn += 1;
    this.#failures += 1;
    this.#sent = Math.min(this.#sent, this.#log.firstOpen - 1);
    this.#committed = Math.min(this.#committed, this.#sent);
    this.#options.onHome?.(this.#home.name, reason);
  }

  async #pause(): Promise<void> {
    const round = Math.floor(this.#failures / this.#line.length);
    if (round === 0) return;
    await sleep(Math.min(pauseMs * 2 ** round, pauseMaxMs));
  }

  /** Throws `NodeError` where something said is not signed as it should be. */
  #take(session: SessionId, statuses: SessionAnswer['statuses']): void {
    if (session !== this.session) throw new NodeError('it answers of another session');
    for (const { sequence, status } of statuses) {
      const logged = this.#log.at(sequence);
      if (!logged?.isNews(status)) continue;
      checkStatus(this.#keyring, { session, sequence, head: logged.head }, status);
      const news = logged.take(status);
      if (news) this.#options.onStatus?.(sequence, news);
    }
    if (this.#log.firstOpen > this.#committed) clearTimeout(this.#overdue);
  }

  #listen(): void {
    if (this.#listening !== undefined || this.#log.firstOpen > this.#log.length) return;
    const listening = new AbortController();
    this.#listening = listening;
    this.#follow(listening)
      .catch((error: Error) => this.#fail(error))
      .finally(() => {
        if (this.#listening === listening) this.#listening = undefined;
      });
  }

  #stopListening(): void {
    clearTimeout(this.#overdue);
    this.#listening?.abort();
    this.#listening = undefined;
  }

  async #follow(listening: AbortController): Promise<void> {
    const { signal } = listening;
    try {
      const events = this.#node().events(this.session, this.#log.firstOpen, signal);
      for await (const event of events) {
        if (signal.aborted) return;
        if (event.kind === 'operation') this.#take(this.session, [event]);
      }
      throw new NodeError('it has ended the stream of events');
    } catch (error) {
      if (signal.aborted || this.#isClosed) return;
      if (!(error instanceof NodeError || error instanceof SessionProblemError)) throw error;
      if (this.#log.firstOpen > this.#log.length) return;
      this.#wellMs = performance.now();
      this.#leave(error.message);
      this.#pump();
    }
  }

  /** Who has been asked to order and does not get it done is left. */
  #expectFinal(): void {
    const { finalAfterMs = 8000 } = this.#options;
    clearTimeout(this.#overdue);
    if (this.#log.firstOpen > this.#committed) return;
    this.#overdue = setTimeout(() => {
      if (this.#isClosed || this.#log.firstOpen > this.#committed) return;
      this.#wellMs = performance.now();
      this.#leave(`what it was asked to order is not final after ${finalAfterMs} ms`);
      this.#pump();
    }, finalAfterMs);
  }

  #fail(error: Error): void {
    for (const logged of this.#log.operations) if (!logged.isFinal) logged.fail(error);
    for (const { done } of this.#commits) done.reject(error);
    this.#commits = [];
    this.close();
  }
}

/** Times in a row that the home may be busy, or lack what it had. */
const busyMax = 40;
const gapsMax = 4;

/** All of them, the home first. */
function lineFrom(
  coordinators: readonly CoordinatorMember[],
  home: string | undefined,
): readonly CoordinatorMember[] {
  const named = coordinators.findIndex(({ name }) => name === home);
  if (home !== undefined && named < 0)
    throw new RangeError(`the cluster has no coordinator ${home}`);
  const first = named >= 0 ? named : randomInt(coordinators.length);
  return [...coordinators.slice(first), ...coordinators.slice(0, first)];
}
