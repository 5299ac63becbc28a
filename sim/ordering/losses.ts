import { nonceOf } from '../../src/core/ordering/lost-store.js';
import type { Disk } from '../engine/disk.js';

/** The parts of an engine, each of which comes back by itself. */
const scopesOf = { pbft: ['pbft'], antipaxos: ['antipaxos', 'decision-module'] } as const;

/** Who has lost its disk and does not take part in full yet: as its disk says, up or not. */
export function stillLost(
  processes: readonly { readonly address: string; readonly disk: Disk }[],
  engine: keyof typeof scopesOf,
): string[] {
  return processes
    .filter(({ disk }) => nonceOf(disk.load()) !== undefined)
    .filter(({ disk }) => scopesOf[engine].some((scope) => !disk.read(`${scope}/returned`)))
    .map(({ address }) => address);
}
