import type { Attack } from './attack.js';
import type { Summary } from './summary.js';
import { Random } from './support/random.js';

export interface BarrageOptions {
  readonly attacks: readonly Attack[];
  readonly seed: number;
  readonly inputs: number;
  readonly summary: Summary;
  readonly signal: AbortSignal;
  /** Called now and then, between attacks. */
  readonly betweenAttacks: () => Promise<void>;
}

/** Attacks under way at a time. */
const workers = 24;
/** No attack takes so long, whatever comes of it, unless a node hangs. */
const launchBoundMs = 90_000;

/**
 * Launches attacks, chosen by weight, until enough inputs have been sent. Each has its own stream of
 * random numbers, so what it sends depends on the seed and its number alone. Gives the number of
 * attacks that hung.
 */
export async function barrage(options: BarrageOptions): Promise<number> {
  const { attacks, seed, inputs, summary, signal, betweenAttacks } = options;
  const choose = chooser(attacks);
  let stream = 0;
  let hangs = 0;
  const work = async (): Promise<void> => {
    while (summary.inputs < inputs && !signal.aborted) {
      stream += 1;
      const own = stream;
      const random = new Random(seed, own);
      const attack = choose(random);
      const shots = await within(launchBoundMs, attack.launch(random));
      if (shots === undefined) {
        hangs += 1;
        summary.violate({ kind: attack.kind, stream: own, what: `no end in ${launchBoundMs} ms` });
      }
      for (const shot of shots ?? []) summary.add(attack.kind, own, shot);
      await betweenAttacks();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return hangs;
}

function chooser(attacks: readonly Attack[]): (random: Random) => Attack {
  const lots = attacks.flatMap((attack) => Array.from({ length: attack.weight }, () => attack));
  return (random) => random.pick(lots);
}

/** `undefined` where it takes longer. */
async function within<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
