import { engineNames } from '../simulated/cluster.js';
import { median } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import type { Contender } from './processes/contenders.js';
import { figuresOf, type ProcessResult, type ProcessResults, signedText } from './processes/run.js';

/** One load: the best engine of this checkout beside the best of the other one. */
export interface BesideBefore {
  readonly clients: number;
  readonly requestBytes: number;
  readonly signed: string;
  readonly best: Best;
  readonly bestBefore: Best;
  /** Of the best two, and of each engine to itself; medians of the ratios of each round. */
  readonly ratio: number;
  readonly ratios: Readonly<Record<string, number>>;
}

interface Best {
  readonly name: string;
  readonly requestsPerSecond: number;
}

/** Nothing where no other checkout was measured. */
export function besideBefore(
  contenders: readonly Contender[],
  processes: readonly ProcessResults[],
): BesideBefore[] {
  const [own, others] = [
    contenders.filter(({ isOther }) => !isOther),
    contenders.filter(({ isOther }) => isOther),
  ];
  if (others.length === 0) return [];
  return processes
    .flatMap(({ results }) => results)
    .map((result) => {
      const [best, bestBefore] = [bestOf(result, own), bestOf(result, others)];
      const { clients, requestBytes } = result;
      const pairs = others.map(({ engine, name }) => [engine, ratioOf(result, engine, name)]);
      return {
        clients,
        requestBytes,
        signed: signedText(result),
        best,
        bestBefore,
        ratio: ratioOf(result, best.name, bestBefore.name),
        ratios: Object.fromEntries(pairs),
      };
    });
}

export function besideBeforeText(all: readonly BesideBefore[]): string {
  const engines = engineNames.filter((engine) => all.some(({ ratios }) => engine in ratios));
  const rows = all.map(({ clients, requestBytes, signed, best, bestBefore, ratio, ratios }) => [
    clients,
    requestBytes,
    signed,
    best.name,
    Math.round(best.requestsPerSecond),
    bestBefore.name,
    Math.round(bestBefore.requestsPerSecond),
    ratio.toFixed(2),
    ...engines.map((engine) => ratios[engine]?.toFixed(2) ?? ''),
  ]);
  const head = ['clients', 'bytes', 'signed', 'best', 'requests/s', 'best before', 'requests/s'];
  return [
    'The best engine beside the best of before, requests a second; ratios are medians of those of each round',
    textTable([...head, 'ratio', ...engines.map((engine) => `${engine} to itself`)], rows, 1),
  ].join('\n');
}

function bestOf(result: ProcessResult, contenders: readonly Contender[]): Best {
  const all = contenders.map(({ name }) => {
    return { name, requestsPerSecond: figuresOf(result, name).requestsPerSecond };
  });
  return all.reduce((best, one) => (one.requestsPerSecond > best.requestsPerSecond ? one : best));
}

function ratioOf({ rounds }: ProcessResult, name: string, base: string): number {
  const [own = [], other = []] = [rounds[name], rounds[base]];
  return median(own.map((perSecond, round) => perSecond / (other[round] ?? Number.NaN)));
}
