import type { TransactionId } from '../../../src/kernel/ids.js';
import { Random } from '../../simulation/engine/random.js';
import { gatewayDisk } from './disks.js';
import { judge, type Tried, type Verdict } from './judge.js';
import { Ended, Killer, type Target } from './killer.js';
import { killsOf, type Planned, planOf } from './plan.js';
import { proofsOf } from './proofs.js';
import type { Scene } from './scene.js';
import { settled } from './settle.js';

/** How often each is killed. */
export type Kills = Readonly<Record<'gateway' | 'wildfly' | 'coordinators', number>>;

export interface CrashRunOptions {
  readonly transfers: number;
  /** After so long no more are begun. */
  readonly forMs: number;
  /** Transfers at a time. */
  readonly clients: number;
  readonly kills: Kills;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

export interface CrashRunResult extends Verdict {
  /** Those that were made. */
  readonly transfers: number;
  readonly clients: number;
  readonly seed: number;
  /** Those that took place: the run may be over before the last. */
  readonly kills: Kills;
  /** What clients know; `killed` with WildFly. */
  readonly told: Readonly<Record<'committed' | 'rolledBack' | 'unknown' | 'killed', number>>;
  readonly seconds: number;
  /** Of those that committed, from begin to the end of commit; milliseconds. */
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** From the last transfer's end until nothing was open anywhere. */
  readonly settledAfterMs: number;
}

const progressEvery = 10;

/** Makes transfers while nodes and WildFly are killed at random moments, and judges what came of them. */
export async function crashRun(scene: Scene, options: CrashRunOptions): Promise<CrashRunResult> {
  const { clients, seed, progress } = options;
  const opening = await scene.balance();
  const begun = performance.now();
  const run = new Run(scene, options);
  const tried = await run.make();
  const seconds = Math.round((performance.now() - begun) / 1000);
  const { tookMs: settledAfterMs, open } = await settled(scene, progress);
  await run.readGateway();
  progress(`proofs of ${run.transactions.size} transactions are checked`);
  const verdict = judge({
    ...{ tried, open },
    books: await scene.wildfly.books(),
    credited: (await scene.balance()) - opening,
    proofs: await proofsOf(scene, run.transactions),
  });
  const times = tried
    .flatMap(({ answer }) => (answer?.outcome === 'committed' ? [answer.ms] : []))
    .sort((a, b) => a - b);
  return {
    ...{ transfers: tried.length, clients, seed, kills: run.kills, told: toldIn(tried), seconds },
    ...{ settledAfterMs, p50Ms: times[Math.floor(times.length / 2)], maxMs: times.at(-1) },
    ...verdict,
  };
}

/** The transfers of a crash run, and those that kill meanwhile. */
class Run {
  /** As the gateway has had them on disk: it forgets them after a while. */
  readonly transactions = new Map<string, TransactionId>();
  readonly #scene: Scene;
  readonly #options: CrashRunOptions;
  readonly #ended = new Ended();
  readonly #killers: Readonly<Record<keyof Kills, Killer>>;

  constructor(scene: Scene, options: CrashRunOptions) {
    this.#scene = scene;
    this.#options = options;
    const { wildfly } = scene;
    const kill = () => wildfly.end('SIGKILL');
    const coordinators = scene.cluster.cluster.coordinators.map(({ name }) => this.#node(name));
    this.#killers = {
      gateway: this.#killer('gateway', [this.#gateway()]),
      wildfly: this.#killer('wildfly', [{ name: 'WildFly', kill, start: () => wildfly.start() }]),
      coordinators: this.#killer('coordinators', coordinators),
    };
  }

  get kills(): Kills {
    const { gateway, wildfly, coordinators } = this.#killers;
    return { gateway: gateway.kills, wildfly: wildfly.kills, coordinators: coordinators.kills };
  }

  async make(): Promise<Tried[]> {
    const { transfers, forMs, clients, seed, progress } = this.#options;
    const deadline = performance.now() + forMs;
    const over = new AbortController();
    const killers = Object.values(this.#killers);
    const killing = Promise.all(killers.map((killer) => killer.run(over.signal)));
    const { gateway, wildfly } = this.#killers;
    const plan = planOf(transfers, new Random(`narayana/${seed}`));
    const tried: Tried[] = [];
    const client = async (): Promise<void> => {
      for (let next = plan.shift(); next !== undefined; next = plan.shift()) {
        await Promise.all([gateway.whileAway, wildfly.whileAway]);
        if (performance.now() > deadline) return;
        const done = await attempt(this.#scene, next);
        tried.push(done);
        this.#ended.add(done.answer !== undefined);
        if (done.wish === 'commit') unexpected(done, progress);
        if (tried.length % progressEvery === 0) progress(`${tried.length} of ${transfers}`);
      }
    };
    const lanes = Promise.all(Array.from({ length: clients }, client));
    // What cannot be started again ends the run.
    await Promise.race([lanes, killing.then(() => lanes)]);
    over.abort();
    await killing;
    return tried;
  }

  async readGateway(): Promise<void> {
    const { transactions } = await gatewayDisk(this.#scene);
    for (const [transfer, tid] of transactions) this.transactions.set(transfer, tid);
  }

  #killer(what: keyof Kills, targets: readonly Target[]): Killer {
    const { kills, transfers, seed, progress } = this.#options;
    const random = new Random(`narayana/${seed}/${what}`);
    const after = killsOf(kills[what], transfers, random);
    return new Killer({ targets, after, ended: this.#ended, random, progress });
  }

  #node(name: string): Target {
    const { cluster } = this.#scene;
    return { name, kill: () => cluster.kill(name), start: () => cluster.restart(name) };
  }

  #gateway(): Target {
    const node = this.#node(this.#scene.gateway);
    const kill = async () => {
      await node.kill();
      await this.readGateway();
    };
    return { ...node, kill };
  }
}

async function attempt(scene: Scene, planned: Planned): Promise<Tried> {
  const { transfer, amount, to, wish } = planned;
  const isCredited = (bank: Planned['to'][number]) => to.includes(bank);
  const vote = wish === 'abort vote' ? 'abort' : 'prepared';
  try {
    const answer = await scene.wildfly.transfer({
      ...{ transfer, amount: String(amount) },
      end: wish === 'rollback' ? 'rollback' : 'commit',
      a: isCredited('B') ? 'prepared' : vote,
      b: isCredited('B') ? vote : 'none',
      // The bank of the cluster refuses a posting of nothing.
      ...(isCredited('bank-b') && scene.mixed(wish === 'refusal' ? 0 : amount)),
    });
    return { ...planned, answer };
  } catch {
    return { ...planned, answer: undefined };
  }
}

/** Kills have this effect, and a busy machine has. */
function unexpected({ transfer, answer }: Tried, progress: (line: string) => void): void {
  if (answer === undefined || answer.outcome === 'committed') return;
  progress(`${transfer}: ${answer.outcome} at ${answer.step} in ${answer.ms} ms: ${answer.error}`);
}

function toldIn(tried: readonly Tried[]): CrashRunResult['told'] {
  const told = { committed: 0, rolledBack: 0, unknown: 0, killed: 0 };
  for (const { answer } of tried) told[answer?.outcome ?? 'killed'] += 1;
  return told;
}
