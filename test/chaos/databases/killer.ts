import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../../../src/cli/exit.js';
import type { Nodes } from '../cluster/nodes.js';
import { primaryOf } from '../cluster/status.js';
import type { Victim } from '../faults/fault.js';
import { groups, type KillGroup } from './cast.js';
import type { Database } from './database.js';
import type { Kill, KillTrack } from './kills.js';

export interface KillerOptions {
  readonly nodes: Nodes;
  /** By name. */
  readonly databases: ReadonlyMap<string, Database>;
  /** Which of the processes that a server has started is killed alone. */
  readonly pick: (pids: readonly number[]) => number;
  /** Orders that were answered as committed so far. */
  readonly committed: () => number;
  /** Gets what happens, for people. */
  readonly tell: (line: string) => void;
  /** Ends the run before its plan does. */
  readonly signal: AbortSignal;
}

/** What was killed. */
export interface KillCounts {
  /** SIGKILL to a node, to a server with all its processes, or to one process of a server. */
  readonly killed: Record<KillGroup, number>;
  /** Kills of those that were starting again. */
  again: number;
  /** Of the databases': one process of a server alone. */
  partial: number;
  /** Transactions that servers held prepared when they were up again, all restarts together. */
  survivors: number;
}

/** A node that does not start, as while its database is down, is started again for so long. */
const startMaxMs = 90_000;
const restartAfterMs = 200;
/** Between two kills so many orders commit, or the second one has waited so long: work is killed, and not idleness. */
const commitsBetween = 3;
const atWorkMaxMs = 20_000;
const lookMs = 20;

/** Kills what the plan says, and starts it again. */
export class Killer {
  readonly counts: KillCounts = {
    killed: { databases: 0, services: 0, coordinators: 0, initiators: 0, banks: 0 },
    again: 0,
    partial: 0,
    survivors: 0,
  };
  readonly #options: KillerOptions;
  readonly #down = new Set<string>();
  readonly #failures: string[] = [];
  /** At the last kill of any track. */
  #committedBefore = 0;
  /** Occasions of the plan so far. */
  occasions = 0;

  constructor(options: KillerOptions) {
    this.#options = options;
  }

  /** What is down at the moment, for people. */
  get now(): string {
    return [...this.#down].join(', ');
  }

  get total(): number {
    return Object.values(this.counts.killed).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when all is up again after the last kill. Gives what did not come up again; the plan ends there. */
  async run(tracks: readonly KillTrack[]): Promise<readonly string[]> {
    const startMs = performance.now();
    await Promise.all(tracks.map((track) => this.#runTrack(track, startMs)));
    return this.#failures;
  }

  async #runTrack(track: KillTrack, startMs: number): Promise<void> {
    const { signal, committed } = this.#options;
    for (const kill of track) {
      const waitMs = Math.max(0, startMs + kill.atMs - performance.now());
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      await this.#untilAtWork();
      await sleep(kill.delayMs);
      if (signal.aborted || this.#failures.length > 0) return;
      this.occasions += 1;
      this.#committedBefore = committed();
      const victims = await this.#victimsOf(kill.group, kill.victim);
      await Promise.all(victims.map((name) => this.#inflict(kill, name))).catch(
        (error: unknown) => {
          this.#failures.push(error instanceof Error ? error.message : String(error));
        },
      );
    }
  }

  async #untilAtWork(): Promise<void> {
    const { signal, committed } = this.#options;
    const untilMs = performance.now() + atWorkMaxMs;
    while (committed() < this.#committedBefore + commitsBetween) {
      if (signal.aborted || performance.now() > untilMs) return;
      await sleep(lookMs);
    }
  }

  async #inflict(kill: Kill, name: string): Promise<void> {
    const { tell, databases, pick } = this.#options;
    const { group, isPartial, lastsMs, againMs } = kill;
    const database = databases.get(name);
    this.#down.add(name);
    if (database !== undefined && isPartial) {
      tell(`kill one process of ${name}`);
      await database.killOne(pick);
      this.counts.partial += 1;
      this.counts.killed[group] += 1;
    } else {
      tell(`kill ${name} for ${Math.round(lastsMs)} ms`);
      await this.#kill(group, name);
      await sleep(lastsMs);
    }
    if (againMs !== undefined) await this.#dieStarting(group, name, againMs);
    await this.#bringUp(name);
    this.#down.delete(name);
    const prepared = database && (await database.prepared());
    this.counts.survivors += prepared?.length ?? 0;
    tell(`${name} is up again${prepared ? `, with ${prepared.length} prepared` : ''}`);
  }

  async #dieStarting(group: KillGroup, name: string, againMs: number): Promise<void> {
    const starting = this.#start(name).catch(() => undefined);
    await sleep(againMs);
    this.#options.tell(`kill ${name} again, ${Math.round(againMs)} ms after it was started`);
    this.counts.again += 1;
    await this.#kill(group, name);
    await starting;
  }

  async #kill(group: KillGroup, name: string): Promise<void> {
    const { nodes, databases } = this.#options;
    const database = databases.get(name);
    this.counts.killed[group] += 1;
    await (database ? database.kill() : nodes.end(name, 'SIGKILL'));
  }

  async #start(name: string): Promise<void> {
    const { nodes, databases } = this.#options;
    const database = databases.get(name);
    if (database) return database.start();
    if (nodes.pid(name) === undefined) await nodes.start(name);
  }

  /** As a supervisor does: a participant does not start while its database is down. */
  async #bringUp(name: string): Promise<void> {
    const untilMs = performance.now() + startMaxMs;
    for (;;) {
      try {
        return await this.#start(name);
      } catch (error) {
        if (!(error instanceof CliError) || performance.now() > untilMs) throw error;
        this.#options.tell(error.message);
        await sleep(restartAfterMs);
      }
    }
  }

  async #victimsOf(group: KillGroup, victim: Victim): Promise<readonly string[]> {
    switch (victim.kind) {
      case 'primary':
        return [await primaryOf(this.#options.nodes)];
      case 'node':
        return [victim.name];
      case 'all':
        return groups[group];
    }
  }
}
