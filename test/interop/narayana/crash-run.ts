import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../simulation/engine/random.js';
import { inDoubtIn, judge, type Tried, type Verdict } from './judge.js';
import type { Scene } from './scene.js';

export interface CrashRunOptions {
  readonly transfers: number;
  readonly clients: number;
  /** Whether the gateway, and WildFly, are killed. */
  readonly kills: { readonly gateway: boolean; readonly wildfly: boolean };
  readonly seed: number;
  readonly progress: (line: string) => void;
}

export interface CrashRunResult extends Verdict {
  readonly transfers: number;
  readonly clients: number;
  readonly seed: number;
  readonly kills: { readonly gateway: number; readonly wildfly: number };
  /** What clients know; `killed` with WildFly. */
  readonly told: Readonly<Record<'committed' | 'rolledBack' | 'unknown' | 'killed', number>>;
  readonly seconds: number;
  /** Of those that committed, from begin to the end of commit; milliseconds. */
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** From the last transfer's end until none was in doubt. */
  readonly settledAfterMs: number;
}

/** Between two kills, and until what was killed is started again; milliseconds. */
const between = { least: 2000, most: 12_000 } as const;
const down = { least: 0, most: 2000 } as const;
const settledWithinMs = 240_000;
const pollMs = 500;

/** Makes transfers while the gateway, and WildFly, are killed at random moments, and judges what came of them. */
export async function crashRun(scene: Scene, options: CrashRunOptions): Promise<CrashRunResult> {
  const { transfers, clients, seed, progress } = options;
  const opening = await scene.balance();
  const begun = performance.now();
  const over = new AbortController();
  const killer = new Killer(scene, options);
  const killing = killer.run(over.signal);
  const tried: Tried[] = [];
  const plan = planOf(transfers, new Random(`narayana/${seed}`));
  const client = async (): Promise<void> => {
    for (let next = plan.shift(); next !== undefined; next = plan.shift()) {
      await killer.whileDown;
      tried.push(await attempt(scene, next));
      if (tried.length % 10 === 0) progress(`${tried.length} of ${transfers} transfers`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - begun) / 1000;
  over.abort();
  await killing;
  const settledAfterMs = await settled(scene);
  const verdict = judge(tried, await scene.wildfly.books(), (await scene.balance()) - opening);
  const times = tried
    .flatMap(({ answer }) => (answer?.outcome === 'committed' ? [answer.ms] : []))
    .sort((a, b) => a - b);
  return {
    ...{ transfers, clients, seed, kills: killer.kills, told: toldIn(tried) },
    ...{ seconds: Math.round(seconds), settledAfterMs },
    ...{ p50Ms: times[Math.floor(times.length / 2)], maxMs: times.at(-1) },
    ...verdict,
  };
}

type Planned = Omit<Tried, 'answer'>;

/** Of ten transfers one is rolled back by its client and one by a vote; of three one is mixed. */
function planOf(transfers: number, random: Random): Planned[] {
  return Array.from({ length: transfers }, (_, index) => {
    const draw = random.int(10);
    const wish = draw === 0 ? 'rollback' : draw === 1 ? 'abort vote' : 'commit';
    return { transfer: `t-${index + 1}`, amount: index + 1, wish, isMixed: random.int(3) === 0 };
  });
}

async function attempt(scene: Scene, planned: Planned): Promise<Tried> {
  const { transfer, amount, wish, isMixed } = planned;
  try {
    const answer = await scene.wildfly.transfer({
      ...{ transfer, amount: String(amount) },
      end: wish === 'rollback' ? 'rollback' : 'commit',
      b: wish === 'abort vote' ? 'abort' : 'prepared',
      ...(isMixed && scene.mixed(amount)),
    });
    return { ...planned, answer };
  } catch {
    return { ...planned, answer: undefined };
  }
}

class Killer {
  readonly kills = { gateway: 0, wildfly: 0 };
  /** What is begun then fails at once, and tests nothing. */
  whileDown: Promise<void> = Promise.resolve();
  readonly #scene: Scene;
  readonly #options: CrashRunOptions;
  readonly #random: Random;

  constructor(scene: Scene, options: CrashRunOptions) {
    this.#scene = scene;
    this.#options = options;
    this.#random = new Random(`narayana/${options.seed}/kills`);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { gateway, wildfly } = this.#options.kills;
    const targets = [...(gateway ? ['gateway'] : []), ...(wildfly ? ['wildfly'] : [])];
    if (targets.length === 0) return;
    for (;;) {
      const pauseMs = this.#random.between(between.least, between.most);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.whileDown =
        this.#random.pick(targets) === 'gateway' ? this.#killGateway() : this.#killWildfly();
      await this.whileDown;
    }
  }

  async #killGateway(): Promise<void> {
    this.kills.gateway += 1;
    await this.#scene.killGateway();
    await sleep(this.#random.between(down.least, down.most));
    await this.#scene.startGateway();
  }

  async #killWildfly(): Promise<void> {
    const { wildfly } = this.#scene;
    this.kills.wildfly += 1;
    await wildfly.end('SIGKILL');
    await wildfly.start();
  }
}

/** Gives how long it took until nothing was in doubt, or the limit. */
async function settled(scene: Scene): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const tookMs = Math.round(performance.now() - begun);
    const doubts = inDoubtIn(await scene.wildfly.books());
    if (doubts.length === 0 || tookMs > settledWithinMs) return tookMs;
    await sleep(pollMs);
  }
}

function toldIn(tried: readonly Tried[]): CrashRunResult['told'] {
  const told = { committed: 0, rolledBack: 0, unknown: 0, killed: 0 };
  for (const { answer } of tried) told[answer?.outcome ?? 'killed'] += 1;
  return told;
}
