import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { rounded } from './statistics.js';

/** What figures depend on besides the software. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Of one minute, before the benchmark began: above 0.2 or so, others were at work too. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  const [first, ...others] = cpus();
  return {
    processor: first?.model ?? 'unknown',
    cores: others.length + 1,
    memoryGiB: rounded(totalmem() / 2 ** 30, 0),
    system: `${platform()} ${release()}`,
    node: process.version,
    loadBefore: rounded(loadavg()[0] ?? Number.NaN),
  };
}
