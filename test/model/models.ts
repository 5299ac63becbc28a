import { replayAntipaxos } from './antipaxos.js';
import { replayEzbft } from './ezbft.js';
import { replayFab } from './fab.js';
import type { Trace } from './itf.js';
import { replayPbft } from './pbft.js';

export interface Published {
  /** The module of the model that has the rule as it was published, or shipped. */
  readonly module: string;
  readonly rule: string;
  /** From which a few runs are enough to see what breaks. */
  readonly seed: number;
}

export interface Model {
  /** Of the runs that `npm test` draws: where a run has found something, one that has it among the first. */
  readonly seed: number;
  /** States that some runs must come to, for there to be something to see. */
  readonly witnesses: readonly string[];
  readonly published: readonly Published[];
  /** Takes the steps of a run at production cores; throws where they are not where the model is. */
  readonly replay: (trace: Trace) => void;
}

export const models = {
  pbft: {
    seed: 1,
    witnesses: ['someDecided', 'decidedTwice'],
    published: [
      {
        module: 'believed',
        rule: 'what the primary says a new view requires is believed',
        seed: 0x83f716f78e668,
      },
    ],
    replay: replayPbft,
  },
  fab: {
    seed: 1,
    witnesses: ['someDecided', 'twoValues', 'decidedTwice'],
    published: [
      {
        module: 'viewsMixed',
        rule: 'votes of different views are counted together',
        seed: 0x1b06b5886829cc,
      },
      {
        module: 'liarCounts',
        rule: 'the vote of a primary that signed two values counts like another',
        seed: 0xeac,
      },
    ],
    replay: replayFab,
  },
  antipaxos: {
    seed: 77,
    witnesses: ['someFast', 'someSettled', 'twoValues'],
    published: [
      {
        module: 'freeChoice',
        rule: 'any value that a report names will do',
        seed: 0x1a8ffc385b0d4e,
      },
    ],
    replay: replayAntipaxos,
  },
  ezbft: {
    seed: 1,
    witnesses: ['someFast', 'twoSettled'],
    published: [
      {
        module: 'anyUnion',
        rule: 'any three replies together make a value',
        seed: 0x306ec22cd4603,
      },
      {
        module: 'fewSupport',
        rule: 'a value stands that f + 1 replies support',
        seed: 0x37b62d8b54423,
      },
    ],
    replay: replayEzbft,
  },
} as const satisfies Record<string, Model>;

export type ModelName = keyof typeof models;

export const stepsMax = 40;
