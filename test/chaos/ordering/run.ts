import { appendFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineName } from '../../../bench/simulated/cluster.js';
import { clientId } from '../../../src/kernel/ids.js';
import { Random } from '../../simulation/engine/random.js';
import { orderingLiesOf } from '../../simulation/ordering/draw-plan.js';
import { OrderingWitness } from '../../simulation/ordering/witness.js';
import type { Context } from '../run.js';
import { Clients } from './clients.js';
import type { ChaosLie, FromReplica } from './control.js';
import { Group, nameOf, replicas } from './group.js';
import { type OrderingChaosPlan, type OrderingFault, planOf } from './plan.js';

export interface OrderingChaosOptions {
  readonly engine: EngineName;
  readonly seed: number;
  readonly durationMs: number;
  readonly clients: number;
  readonly isLying: boolean;
}

export interface OrderingViolation {
  readonly rule: string;
  readonly what: string;
}

export interface OrderingChaosResult extends OrderingChaosOptions {
  readonly plan: Pick<OrderingChaosPlan, 'decisionsBy' | 'liar'>;
  /** How often each kind of fault was there. */
  readonly faults: Readonly<Record<string, number>>;
  readonly lies: readonly ChaosLie[];
  /** Requests that `f + 1` replicas said that they had executed. */
  readonly acknowledged: number;
  /** Messages that replicas refused. */
  readonly refused: number;
  readonly violations: readonly OrderingViolation[];
  /** Where everything is, where something is wrong. */
  readonly directory: string | undefined;
}

const calmMs = 500;
/** After the faults all that was asked for is executed everywhere within so long. */
const settleMs = 60_000;
/** One that has lost its disk is back within so long. */
const returnMs = 60_000;
const pollMs = 50;

/** Four processes with one engine under load, broken in every way that they must bear; and what came of it. */
export async function runOrderingChaos(
  options: OrderingChaosOptions,
  context: Context,
): Promise<OrderingChaosResult> {
  const { engine } = options;
  const plan = planOf({ ...options, lies: orderingLiesOf(engine) });
  const world = await OrderingChaos.make(options, plan, context);
  try {
    const violations = await world.run();
    const directory = violations.length === 0 ? undefined : world.directory;
    return { ...options, plan, ...world.counts, violations, directory };
  } finally {
    await world.stop();
  }
}

class OrderingChaos {
  readonly #plan: OrderingChaosPlan;
  readonly #options: OrderingChaosOptions;
  readonly #context: Context;
  readonly #group: Group;
  readonly #witness: OrderingWitness;
  readonly #clients: Clients;
  readonly #faults = new Map<string, number>();
  readonly #lies = new Set<ChaosLie>();
  readonly #broken: OrderingViolation[];
  readonly #states: Map<number, Extract<FromReplica, { kind: 'state' }>>;
  readonly #startedMs = performance.now();
  #liesNow: readonly ChaosLie[];

  private constructor(
    options: OrderingChaosOptions,
    plan: OrderingChaosPlan,
    context: Context,
    made: {
      readonly group: Group;
      readonly witness: OrderingWitness;
      readonly clients: Clients;
      readonly broken: OrderingViolation[];
      readonly states: Map<number, Extract<FromReplica, { kind: 'state' }>>;
    },
  ) {
    this.#options = options;
    this.#plan = plan;
    this.#context = context;
    this.#group = made.group;
    this.#witness = made.witness;
    this.#clients = made.clients;
    this.#broken = made.broken;
    this.#states = made.states;
    this.#liesNow = plan.firstLies;
  }

  static async make(
    options: OrderingChaosOptions,
    plan: OrderingChaosPlan,
    context: Context,
  ): Promise<OrderingChaos> {
    const { engine, seed } = options;
    const broken: OrderingViolation[] = [];
    const states = new Map<number, Extract<FromReplica, { kind: 'state' }>>();
    const group = await Group.make({
      engine,
      decisionsBy: plan.decisionsBy,
      onStarting: (replica) => witness.started(replica),
      onMessage: (replica, message) => {
        if (message.kind === 'state') states.set(replica, message);
        else note(witness, clients, replica, message);
      },
      onDied: (replica, how) => {
        // What a liar does to itself is its own affair.
        if (replica !== plan.liar)
          broken.push({ rule: 'crash', what: `${nameOf(replica)} ${how}` });
      },
    });
    const witness = new OrderingWitness(group, (replica) => replica !== plan.liar);
    const clients = new Clients(group, new Random(`chaos clients ${seed}`));
    return new OrderingChaos(options, plan, context, { group, witness, clients, broken, states });
  }

  get directory(): string {
    return this.#group.directory;
  }

  get counts() {
    return {
      faults: Object.fromEntries(this.#faults),
      lies: [...this.#lies],
      acknowledged: this.#clients.acknowledged.size,
      refused: [...this.#states.values()].reduce((sum, { refused }) => sum + refused, 0),
    };
  }

  async run(): Promise<readonly OrderingViolation[]> {
    const { liar, faults } = this.#plan;
    this.#tell(`liar: ${liar === undefined ? 'none' : nameOf(liar)}; ${this.directory}`);
    await Promise.all(replicas.map((replica) => this.#start(replica)));
    this.#clients.start(this.#options.clients);
    await sleep(calmMs);
    const beginMs = performance.now();
    for (const fault of faults) {
      await sleep(Math.max(0, beginMs + fault.atMs - performance.now()));
      if (this.#context.signal.aborted || this.#broken.length > 0) break;
      await this.#inflict(fault);
    }
    for (const replica of replicas) if (!this.#group.isUp(replica)) await this.#start(replica);
    this.#clients.end();
    const isSettled = await until(() => this.#isSettled || this.#broken.length > 0, settleMs);
    return [...this.#broken, ...this.#order(), ...(isSettled ? [] : this.#unfinished())];
  }

  async stop(): Promise<void> {
    this.#clients.close();
    await this.#group.stop();
    if (this.#order().length + this.#broken.length === 0 && this.#isSettled) {
      await rm(this.directory, { recursive: true, force: true });
    }
  }

  get #correct(): readonly number[] {
    return replicas.filter((replica) => replica !== this.#plan.liar);
  }

  /** Nothing is open, and every correct replica has executed all that was acknowledged. */
  get #isSettled(): boolean {
    return this.#clients.open.length === 0 && this.#missing().length === 0;
  }

  #missing(): readonly string[] {
    return [...this.#clients.acknowledged].flatMap((key) =>
      this.#correct
        .filter((replica) => !this.#witness.hasApplied(replica, key))
        .map((replica) => `${key} at ${nameOf(replica)}`),
    );
  }

  #unfinished(): readonly OrderingViolation[] {
    const missing = this.#missing();
    const { open } = this.#clients;
    return [
      ...(open.length > 0 ? [{ rule: 'liveness', what: `not answered: ${open.join(', ')}` }] : []),
      ...(missing.length > 0
        ? [{ rule: 'acknowledged', what: `lost: ${missing.slice(0, 5).join(', ')}` }]
        : []),
    ];
  }

  #order(): readonly OrderingViolation[] {
    return this.#witness.contradictions.map(({ checker, what }) => ({ rule: checker, what }));
  }

  async #start(replica: number): Promise<void> {
    const lies = replica === this.#plan.liar ? this.#liesNow : [];
    for (const lie of lies) this.#lies.add(lie);
    this.#states.delete(replica);
    await this.#group
      .start(replica, lies, `chaos ordering ${this.#options.seed} ${replica}`)
      .catch((error: Error) => {
        if (replica !== this.#plan.liar) throw error;
      });
  }

  async #inflict(fault: OrderingFault): Promise<void> {
    const { kind, victim, lastsMs } = fault;
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1);
    this.#tell(`${kind} ${nameOf(victim)} for ${Math.round(lastsMs)} ms`);
    switch (kind) {
      case 'kill':
        return this.#restart([victim], lastsMs);
      case 'power-loss':
        return this.#restart(replicas, lastsMs);
      case 'disk-loss':
        await this.#group.kill(victim, 'disk');
        this.#witness.forgets(victim);
        await sleep(lastsMs);
        await this.#start(victim);
        return this.#untilBack(victim);
      case 'lie':
        this.#liesNow = fault.lies;
        this.#tell(`${nameOf(victim)} lies: ${fault.lies.join(', ')}`);
        return this.#restart([victim], lastsMs);
      case 'pause':
        this.#group.signal(victim, 'SIGSTOP');
        await sleep(lastsMs);
        return this.#group.signal(victim, 'SIGCONT');
      case 'slow':
        await this.#group.network.slow(nameOf(victim));
        await sleep(lastsMs);
        return this.#group.network.hasten(nameOf(victim));
      case 'partition':
        return this.#partition(fault);
    }
  }

  async #restart(victims: readonly number[], lastsMs: number): Promise<void> {
    await Promise.all(victims.map((victim) => this.#group.kill(victim)));
    await sleep(lastsMs);
    await Promise.all(victims.map((victim) => this.#start(victim)));
  }

  async #partition(fault: Extract<OrderingFault, { kind: 'partition' }>): Promise<void> {
    const { victim, shape, lastsMs } = fault;
    const one = nameOf(victim);
    const links = replicas
      .filter((other) => other !== victim)
      .flatMap((other) => [
        ...(shape === 'deaf' ? [] : [[one, nameOf(other)] as const]),
        ...(shape === 'mute' ? [] : [[nameOf(other), one] as const]),
      ]);
    for (const [from, to] of links) await this.#group.network.cut(from, to);
    await sleep(lastsMs);
    for (const [from, to] of links) await this.#group.network.restore(from, to);
  }

  /** Until then it is the one that may fail. */
  async #untilBack(victim: number): Promise<void> {
    const isBack = await until(() => this.#states.get(victim)?.isLost === false, returnMs);
    if (isBack) return;
    const what = `${nameOf(victim)} does not come back without its disk`;
    this.#broken.push({ rule: 'liveness', what });
  }

  #tell(line: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(6);
    const text = `${seconds}  ${line}`;
    this.#context.progress(text);
    appendFileSync(join(this.directory, 'chaos.log'), `${text}\n`);
  }
}

function note(
  witness: OrderingWitness,
  clients: Clients,
  replica: number,
  message: Exclude<FromReplica, { kind: 'state' }>,
): void {
  switch (message.kind) {
    case 'applied':
      for (const { client, number, ...applied } of message.entries) {
        const request = { client: clientId(client), number, payload: new Uint8Array() };
        witness.machineApplied(replica, { ...applied, request });
        clients.executed(replica, client, number);
      }
      return;
    case 'installed':
      return witness.machineInstalled(replica, message.lanes);
    case 'delivered':
      return witness.delivered(replica, message.position);
    case 'ready':
      return;
  }
}

async function until(isSo: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) return false;
    await sleep(pollMs);
  }
  return true;
}

export function orderingChaosText(result: OrderingChaosResult): string {
  const { engine, seed, plan, faults, lies, acknowledged, refused, violations } = result;
  const { liar, decisionsBy } = plan;
  return [
    `engine ${engine}${engine === 'antipaxos' ? `, decisions by ${decisionsBy}` : ''}, seed ${seed}`,
    `liar: ${liar === undefined ? 'none' : `${nameOf(liar)}, ${lies.join(', ')}`}`,
    `faults: ${Object.entries(faults)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
    `requests acknowledged: ${acknowledged}; messages refused: ${refused}`,
    ...violations.map(({ rule, what }) => `violation: ${rule}: ${what}`),
    ...(result.directory === undefined ? [] : [`everything is in ${result.directory}`]),
    `chaos: ${violations.length} violations`,
  ].join('\n');
}
