import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../kernel/cluster.js';
import { type ReplicaId, unreachable } from '../../kernel/ids.js';
import { Keyring } from '../../kernel/keys.js';
import {
  HomeLine,
  Patience,
  type PatienceOptions,
  pauseAfter,
  pauseMaxMs,
} from '../../kernel/patience.js';
import type { Credentials } from '../../soap/identity.js';
import type { OperationStatus } from '../core/outbox.js';
import { type SessionProblem, SessionProblemError } from '../http/problem.js';
import type { SessionAnswer } from '../http/status-json.js';
import { beginChain, newHeader, ownerKeysOf } from '../owners.js';
import type { SessionId, SessionOperation } from '../types.js';
import {
  checkStatus,
  type LoggedOperation,
  NodeError,
  type Performed,
  SessionError,
  SessionLog,
} from './session-log.js';
import { Commits, Listening, SessionNode } from './session-node.js';

export type { FinalStatus, Performed } from './session-log.js';

/**
 * One session of one owner. Operations are chained, signed and handed to one coordinator, the home; when
 * that brings nothing on in time that can be checked, or says what it cannot prove, the next one gets all that
 * is not final. A coordinator's unsigned claim counts for nothing. Nothing is done twice: an operation is known by
 * its number.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode, SessionClient } from 'concordat/client';
 *
 * const node = await loadNode('.concordat/nodes/alice.json');
 * const cluster = await loadCluster(node.clusterFile);
 * const session = new SessionClient({ cluster, node, application: 'supply-chain' });
 * const step = { do: 'start-work', station: 'dock-1' };
 * const { result, final } = await session.call(JSON.stringify(step));
 * console.log(`at once: ${result.kind}`);
 * await session.end();
 * console.log(`agreed on: ${(await final).kind}`);
 * session.close();
 * ```
 */
export class SessionClient {
  readonly #options: SessionClientOptions;
  readonly #keyring: Keyring;
  readonly #log: SessionLog;
  readonly #line: HomeLine;
  readonly #refusals = new Map<ReplicaId, SessionProblem>();
  readonly #patience: Patience;
  /** Operations up to this one are known to the home. */
  #sent = 0;
  readonly #commits = new Commits();
  readonly #listening = new Listening({
    onEvent: (event) => {
      if (event.kind === 'operation') this.#take(this.session, [event]);
    },
    onOver: (error) => this.#onStreamOver(error),
    onError: (error) => this.#fail(error),
  });
  #looking: NodeJS.Timeout | undefined;
  #pumping = false;
  #failures = 0;
  /** Why a coordinator did not do what it was asked, the last time. */
  #lastFailure = 'none answers';
  #isClosed = false;

  /** Throws `TypeError` where the node's key is not on P-256. */
  constructor(options: SessionClientOptions) {
    const { cluster, node, application, home } = options;
    this.#options = options;
    this.#keyring = Keyring.shared(cluster);
    this.#patience = new Patience(patienceOptions(options), performance.now());
    const { certificate, sign } = ownerKeysOf(node);
    const header = newHeader({
      application,
      owner: node.name,
      certificate,
      nowMs: Date.now(),
      random: randomBytes(8),
    });
    const chain = beginChain(cluster.id, header);
    this.#log = new SessionLog(cluster.id, chain, sign);
    this.#line = new HomeLine(cluster.coordinators, home);
  }

  /** The id of the session, which receipts and proofs name. */
  get session(): SessionId {
    return this.#log.session;
  }

  /** Name of the coordinator that has the session now. */
  get home(): string {
    return this.#line.home.name;
  }

  /**
   * The next operation. Resolves with the likely result, which the home has signed. Rejects with `SessionError` where no
   * coordinator answers it.
   */
  call(payload: string): Promise<Performed> {
    return this.#append({ kind: 'call', payload });
  }

  /** Has what waits ordered now; resolves once that is under way. */
  commit(): Promise<void> {
    const done = this.#commits.wait(this.#log.length);
    this.#pump();
    return done;
  }

  /** The last operation: nothing follows it. Ordered at once, with all before it. */
  end(): Promise<Performed> {
    this.#commits.want(this.#log.length + 1);
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
    clearTimeout(this.#looking);
    this.#listening.stop();
    this.#fail(new SessionError('closed', 'the session’s client was closed'));
  }

  #node(): SessionNode {
    const { cluster, answerTimeoutMs = 4000 } = this.#options;
    return new SessionNode(cluster.id, this.#line.home.url, answerTimeoutMs);
  }

  #append(operation: SessionOperation): Promise<Performed> {
    if (this.#isClosed) return Promise.reject(new SessionError('closed', 'the client is closed'));
    if (this.#log.firstOpen > this.#log.length) this.#patience.begin(performance.now());
    const logged = this.#log.append(operation);
    this.#look();
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
    const turn = this.#line.turn;
    try {
      const { answer, through, committed } = await this.#handIn();
      if (turn !== this.#line.turn || this.#isClosed) return;
      if (answer.next <= through) throw new NodeError('it does not take what it is handed');
      this.#sent = Math.max(this.#sent, through);
      this.#take(answer.session, answer.statuses);
      if (committed !== undefined) this.#commits.asked(committed);
      this.#refusals.clear();
      if (!this.#log.isUnanswered) this.#patience.news(performance.now());
      this.#listen();
    } catch (error) {
      if (turn === this.#line.turn) await this.#onFailure(error);
    }
  }

  #hasWork(): boolean {
    return this.#sent < this.#log.length || this.#commits.isWanted;
  }

  /** Operations up to `through` have been handed in, and up to `committed` asked to be ordered. */
  async #handIn(): Promise<{ answer: SessionAnswer; through: number; committed?: number }> {
    const node = this.#node();
    const { wanted: upTo } = this.#commits;
    if (this.#sent >= this.#log.length) {
      return { answer: await node.commit(this.session), through: this.#sent, committed: upTo };
    }
    const run = this.#log.runFrom(this.#sent + 1);
    const through = this.#sent + run.operations.length;
    const commit = upTo > this.#sent && upTo <= through;
    const answer = await node.perform({ run, commit });
    return { answer, through, ...(commit && { committed: upTo }) };
  }

  async #onFailure(error: unknown): Promise<void> {
    if (error instanceof Error) this.#lastFailure = error.message;
    if (error instanceof SessionProblemError) return this.#onProblem(error.data);
    if (!(error instanceof NodeError)) throw error;
    this.#leave(error.message);
    await sleep(pauseAfter(this.#failures, this.#line.length));
  }

  async #onProblem(problem: SessionProblem): Promise<void> {
    if (problem.code === 'busy') {
      // Somewhat apart from others that received the same.
      const waitMs = Math.min(problem.retryAfterMs, pauseMaxMs) * (1 + Math.random() / 2);
      const { turn } = this.#line;
      await sleep(Math.max(waitMs, 10), undefined, { ref: true });
      if (turn !== this.#line.turn) return;
      this.#failures += 1;
      if (this.#failures > busyMax) this.#leave('it is busy');
      return;
    }
    const lacks = lackedFrom(problem, this.#sent);
    if (lacks !== undefined) {
      this.#sent = lacks - 1;
      this.#failures += 1;
      if (this.#failures > gapsMax) this.#leave('it asks for the same again and again');
      return;
    }
    // A coordinator may lie; `f + 1` of them do not.
    this.#refusals.set(this.#line.home.id, problem);
    const { message } = new SessionProblemError(problem);
    if (this.#refusals.size > this.#keyring.resilience.f) {
      this.#refusals.clear();
      return this.#fail(new SessionError('refused', message, { problem }));
    }
    this.#leave(message);
  }

  /** Goes to the next coordinator with all that is not final. */
  #leave(reason: string): void {
    this.#listening.stop();
    this.#line.turn += 1;
    this.#failures += 1;
    this.#sent = Math.min(this.#sent, this.#log.firstOpen - 1);
    this.#commits.askAgainAfter(this.#sent);
    this.#lastFailure = reason;
    this.#patience.homeChanged(performance.now());
    this.#options.onHome?.(this.#line.home.name, reason);
  }

  /** Throws `NodeError` where something said is not signed as it should be. */
  #take(session: SessionId, statuses: SessionAnswer['statuses']): void {
    if (session !== this.session) throw new NodeError('it answers of another session');
    for (const { sequence, status } of statuses) {
      const logged = this.#log.at(sequence);
      if (!logged?.isNews(status)) continue;
      checkStatus(this.#keyring, { session, sequence, head: logged.head }, status);
      const before = this.#log.firstOpen;
      const news = logged.take(status);
      if (news) this.#onNews(sequence, news);
      if (this.#log.firstOpen > before) this.#patience.advanced(performance.now());
    }
  }

  #onNews(sequence: number, news: OperationStatus): void {
    this.#failures = 0;
    this.#patience.news(performance.now());
    this.#options.onStatus?.(sequence, news);
  }

  #listen(): void {
    const from = this.#log.firstOpen;
    if (from > this.#log.length) return;
    const afterMs = this.#commits.wanted >= from ? 0 : listenAfterMs;
    this.#listening.start(this.#node(), this.session, from, afterMs);
  }

  #onStreamOver(error: Error): void {
    if (this.#isClosed || this.#log.firstOpen > this.#log.length) return;
    this.#leave(error.message);
    this.#pump();
  }

  /** Looks now and then, while something is open, whether the home brings it on. */
  #look(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      if (this.#isClosed || this.#log.firstOpen > this.#log.length) return;
      this.#judge();
      if (!this.#isClosed) this.#look();
    }, this.#patience.lookAfterMs);
  }

  #judge(): void {
    const verdict = this.#patience.verdict(performance.now(), this.#log.isUnanswered);
    switch (verdict.kind) {
      case 'wait':
        return;
      case 'leave':
        this.#leave(verdict.reason);
        return this.#pump();
      case 'give-up': {
        const reason = `no coordinator takes it: ${this.#lastFailure}`;
        return this.#fail(new SessionError('unreachable', reason));
      }
      default:
        return unreachable(verdict);
    }
  }

  #fail(error: Error): void {
    for (const logged of this.#log.operations) if (!logged.isFinal) logged.fail(error);
    this.#commits.fail(error);
    this.close();
  }
}

/** A program's next operations go before the stream, unless it waits for what they come to. */
const listenAfterMs = 20;
/** Times in a row that the home may be busy, or lack what it had. */
const busyMax = 40;
const gapsMax = 4;

/** The first operation that the home says it lacks, of those up to `sent` that it was handed. */
function lackedFrom(problem: SessionProblem, sent: number): number | undefined {
  if (problem.code === 'unknown-session' && sent > 0) return 1;
  return problem.code === 'gap' && problem.next <= sent ? problem.next : undefined;
}

/** Whose session it is, of which application, and how long its client waits. */
export interface SessionClientOptions {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** The owner's own name, certificate and key. */
  readonly node: Credentials & { readonly name: string };
  /** Name of the application, as the cluster file has it. */
  readonly application: string;
  /** Name of the coordinator to begin at; any unless given. Throws `RangeError` where there is none. */
  readonly home?: string;
  /** For one answer of a coordinator; 4000 unless given. */
  readonly answerTimeoutMs?: number;
  /** An operation without an answer from any coordinator for so long fails; 60 000 unless given. */
  readonly giveUpAfterMs?: number;
  /** What is not final after so long goes to another one; 8000 unless given. */
  readonly finalAfterMs?: number;
  /** Called with all that is learned of operations, once it is checked. */
  readonly onStatus?: (sequence: number, status: OperationStatus) => void;
  /** Called when another coordinator takes the place of the home, with the reason. */
  readonly onHome?: (name: string, reason: string) => void;
}

function patienceOptions(options: SessionClientOptions): PatienceOptions {
  const { answerTimeoutMs = 4000, finalAfterMs = 8000, giveUpAfterMs = 60_000 } = options;
  return { answerAfterMs: 2 * answerTimeoutMs, finalAfterMs, giveUpAfterMs };
}
