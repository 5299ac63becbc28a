import { Random } from '../../simulation/engine/random.js';
import type { PartitionShape } from '../faults/fault.js';
import type { ChaosLie } from './control.js';
import { replicas } from './group.js';

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Whether one replica lies all the time. */
  readonly isLying: boolean;
  /** What it may do. */
  readonly lies: readonly ChaosLie[];
}

/** What happens to one replica, or to all. */
export type OrderingFault = {
  readonly atMs: number;
  readonly lastsMs: number;
  readonly victim: number;
} & (
  | { readonly kind: 'kill' | 'pause' | 'slow' | 'power-loss' | 'disk-loss' }
  | {
      readonly kind: 'partition';
      readonly shape: Extract<PartitionShape, 'isolated' | 'deaf' | 'mute'>;
    }
  /** A liar starts anew, with other lies. */
  | { readonly kind: 'lie'; readonly lies: readonly ChaosLie[] }
);

export interface OrderingChaosPlan {
  readonly decisionsBy: 'pbft' | 'fab';
  readonly liar: number | undefined;
  readonly firstLies: readonly ChaosLie[];
  readonly faults: readonly OrderingFault[];
}

/** From the beginning of one fault to that of the next. */
const periodMs = 1800;
const liesMax = 3;
const distortShare = 0.4;

/** Every draw depends on the seed only. Faults come one after the other; a liar is the one that may be Byzantine. */
export function planOf({ seed, durationMs, isLying, lies }: PlanOptions): OrderingChaosPlan {
  const random = new Random(`chaos ordering ${seed}`);
  const liar = isLying ? random.pick(replicas) : undefined;
  const drawLies = (): readonly ChaosLie[] => {
    const some = random.sample(lies, 1 + random.int(liesMax));
    return random.chance(distortShare) ? [...new Set<ChaosLie>([...some, 'distort'])] : some;
  };
  const decisionsBy = random.pick(['pbft', 'fab'] as const);
  const firstLies = isLying ? drawLies() : [];
  const kinds = [
    ...(['kill', 'kill', 'kill', 'pause', 'pause', 'partition', 'partition', 'slow'] as const),
    'power-loss' as const,
    ...(isLying ? (['lie', 'lie', 'lie'] as const) : (['disk-loss'] as const)),
  ];
  const faults = Array.from({ length: Math.floor(durationMs / periodMs) }, (_, index) => {
    const common = {
      atMs: periodMs * (index + random.between(0, 0.5)),
      lastsMs: random.between(200, 2500),
      victim: random.pick(replicas),
    };
    const kind = random.pick(kinds);
    switch (kind) {
      case 'partition': {
        const shape = random.pick(['isolated', 'deaf', 'mute'] as const);
        return { ...common, kind, shape };
      }
      case 'lie':
        return { ...common, kind, victim: liar ?? 0, lies: drawLies() };
      default:
        return { ...common, kind };
    }
  });
  return { decisionsBy, liar, firstLies, faults };
}
