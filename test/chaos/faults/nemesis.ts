import { setTimeout as sleep } from 'node:timers/promises';
import { isHealthy } from '../../../src/kernel/http/http-get.js';
import { loseDisk } from '../cluster/files.js';
import { allMembers, members } from '../cluster/members.js';
import type { Nodes } from '../cluster/nodes.js';
import { leftToRecover, primaryOf } from '../cluster/status.js';
import type { Route } from '../load/ledger.js';
import type { Load } from '../load/load.js';
import type { Network } from '../network/network.js';
import { scriptFile } from './byzantine-scripts.js';
import { Cuts } from './cuts.js';
import type { Fault, FaultKind, Victim } from './fault.js';
import { directionsCut } from './partition.js';
import type { Track } from './plan.js';
import { type Outage, Tally } from './tally.js';

export interface NemesisOptions {
  /** Where the cluster is. */
  readonly directory: string;
  readonly nodes: Nodes;
  readonly network: Network;
  readonly load: Load;
  readonly routes: readonly Route[];
  /** Gets what happens, for people. */
  readonly tell: (line: string) => void;
  /** Ends the run before its plan does. */
  readonly signal: AbortSignal;
}

/** Whatever is to be committed again is given so long. */
const outageMaxMs = 60_000;
/** A dead primary stays dead until the others have gone on without it, or so long. */
const primaryPatienceMs = 20_000;
const healthyMaxMs = 60_000;
const healthTimeoutMs = 10_000;
const pollMs = 50;

/** Does to the cluster what the plan says. */
export class Nemesis {
  readonly tally = new Tally();
  readonly #options: NemesisOptions;
  readonly #cuts: Cuts;
  /** What each node that is not well suffers from. */
  readonly #suffering = new Map<string, FaultKind>();
  readonly #measuring = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  /** Grows each time that fewer than two banks are well. */
  #obstructions = 0;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#cuts = new Cuts(options.network);
  }

  /** What goes on at the moment, for people. */
  get now(): string {
    return [...this.#suffering].map(([name, kind]) => `${name} ${kind}`).join(', ');
  }

  isByzantine(name: string): boolean {
    return this.#suffering.get(name) === 'byzantine';
  }

  /**
   * Resolves when every fault of the plan is over and all nodes are well. Gives what kept a fault from
   * ending, such as a node that does not start again; the plan ends there.
   */
  async run(tracks: readonly Track[]): Promise<readonly string[]> {
    const startMs = performance.now();
    await Promise.all(tracks.map((track) => this.#runTrack(track, startMs)));
    await Promise.all(this.#measuring);
    return this.#failures;
  }

  async #runTrack(track: Track, startMs: number): Promise<void> {
    const { signal } = this.#options;
    for (const fault of track) {
      const waitMs = Math.max(0, startMs + fault.atMs - performance.now());
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || this.#failures.length > 0) return;
      await this.#inflict(fault).catch((error: unknown) => {
        this.#failures.push(error instanceof Error ? error.message : String(error));
      });
    }
  }

  async #inflict(fault: Fault): Promise<void> {
    const victims = await this.#victimsOf(fault.victim);
    const name = victims.join(', ');
    for (const victim of victims) this.#suffering.set(victim, fault.kind);
    this.#checkBanks();
    this.tally.add(fault.kind, fault.group, fault.kind === 'kill' ? victims.length : 1);
    this.#options.tell(
      `${describe(fault)} ${name}${fault.victim.kind === 'primary' ? ' (primary)' : ''}`,
    );
    await this.#perform(fault, victims, name);
    await Promise.all(victims.map((victim) => this.#healthy(victim)));
    for (const victim of victims) this.#suffering.delete(victim);
    this.#options.tell(`${name} well again after ${fault.kind}`);
  }

  async #perform(fault: Fault, victims: readonly string[], name: string): Promise<void> {
    const { network } = this.#options;
    switch (fault.kind) {
      case 'kill':
        return this.#kill(fault, victims);
      case 'disk-loss':
        await this.#kill(fault, victims);
        // Until then it is faulty, and no other coordinator may be.
        return this.#untilRecovered(name);
      case 'pause':
        for (const victim of victims) this.#options.nodes.signal(victim, 'SIGSTOP');
        await sleep(fault.lastsMs);
        for (const victim of victims) this.#options.nodes.signal(victim, 'SIGCONT');
        return;
      case 'slow':
        await network.slow(name);
        await sleep(fault.lastsMs);
        return network.hasten(name);
      case 'partition': {
        const directions = directionsCut(fault.shape, name, fault.sides);
        await this.#cuts.cut(directions);
        await sleep(fault.lastsMs);
        await this.#cuts.restore(directions);
        this.#options.tell(`healed ${name}`);
        void this.#measure('heal');
        return;
      }
      case 'byzantine':
        return this.#replace(name, scriptFile(fault.script), fault.lastsMs);
    }
  }

  async #kill({ kind, group, lastsMs }: Fault, victims: readonly string[]): Promise<void> {
    const { nodes, directory } = this.#options;
    const primaryDies = group === 'coordinators' && victims.includes(await primaryOf(nodes));
    // Begins to count before the signal.
    const outage = primaryDies ? this.#measure('primary-death') : Promise.resolve();
    await Promise.all(victims.map((name) => nodes.end(name, 'SIGKILL')));
    if (kind === 'disk-loss') for (const name of victims) await loseDisk(directory, name);
    await sleep(lastsMs);
    if (primaryDies) {
      this.tally.addPrimaryDeath();
      await Promise.race([outage, sleep(primaryPatienceMs)]);
    }
    await Promise.all(victims.map((name) => nodes.start(name)));
  }

  /** What the liar said is in the world until all that it took part in is over: it is faulty so long. */
  async #replace(name: string, script: string, lastsMs: number): Promise<void> {
    const { nodes, load } = this.#options;
    await nodes.end(name, 'SIGTERM');
    await nodes.start(name, script);
    await sleep(lastsMs);
    await nodes.end(name, 'SIGTERM');
    await nodes.start(name);
    await load.settled();
  }

  #measure(after: Outage['after']): Promise<void> {
    const obstructions = this.#obstructions;
    this.#checkBanks();
    const measured = this.#options.load
      .firstCommit(() => this.#usableRoutes(), outageMaxMs)
      .then((tookMs) => {
        this.#checkBanks();
        const obstructed = this.#obstructions > obstructions;
        this.tally.outages.push({ after, tookMs, obstructed });
        const took = tookMs === undefined ? 'none' : `${Math.round(tookMs)} ms`;
        this.#options.tell(`first commit after ${after}: ${took}`);
      })
      .finally(() => this.#measuring.delete(measured));
    this.#measuring.add(measured);
    return measured;
  }

  #checkBanks(): void {
    if (this.#usableRoutes().length === 0) this.#obstructions += 1;
  }

  #usableRoutes(): Route[] {
    return this.#options.routes.filter(({ debtor, creditors }) =>
      [debtor, ...creditors].every((bank) => !this.#suffering.has(bank)),
    );
  }

  async #victimsOf(victim: Victim): Promise<readonly string[]> {
    switch (victim.kind) {
      case 'primary':
        return [await primaryOf(this.#options.nodes)];
      case 'node':
        return [victim.name];
      case 'all':
        return members.banks;
    }
  }

  async #healthy(name: string): Promise<void> {
    const url = this.#options.nodes.url(name);
    await this.#until(
      () => isHealthy(url, healthTimeoutMs),
      `${name} does not become healthy again`,
    );
  }

  /** It may have thousands of proofs to fetch, so it gets its time anew with each that it has got. */
  async #untilRecovered(name: string): Promise<void> {
    let least = Number.POSITIVE_INFINITY;
    let left = least;
    while (left > 0) {
      await this.#until(async () => {
        left = await leftToRecover(this.#options.nodes, name);
        return left < least;
      }, `${name} does not recover: ${least} transactions to fetch and slots to abstain from`);
      least = left;
    }
  }

  async #until(isWell: () => Promise<boolean>, otherwise: string): Promise<void> {
    const deadline = performance.now() + healthyMaxMs;
    while (!(await isWell())) {
      if (performance.now() > deadline) throw new Error(otherwise);
      await sleep(pollMs);
    }
  }
}

function describe(fault: Fault): string {
  const seconds = `${(fault.lastsMs / 1000).toFixed(1)} s`;
  switch (fault.kind) {
    case 'kill':
      return `kill for ${seconds}:`;
    case 'disk-loss':
      return `kill for ${seconds}, and replace the disk:`;
    case 'pause':
      return `pause for ${seconds}:`;
    case 'slow':
      return `slow for ${seconds}:`;
    case 'partition': {
      const sides = fault.shape === 'split' || fault.shape === 'half';
      const rest = allMembers.filter((name) => !fault.sides.includes(name));
      const parts = sides ? ` (${fault.sides.join(' ')} | ${rest.join(' ')})` : '';
      return `partition, ${fault.shape}${parts}, for ${seconds}:`;
    }
    case 'byzantine':
      return `replace by a ${fault.script} one for ${seconds}:`;
  }
}
