import { ownProcessorMs } from '../support/processor-time.js';
import { median } from '../support/statistics.js';

const rounds = 7;
const roundMs = 150;

/**
 * Processor time of one call of `run`, in microseconds: the median of some rounds, each as long as it
 * takes to be measured, after one to warm up. Other work on the machine counts for little.
 */
export function processorUs(run: () => void): number {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const before = ownProcessorMs();
    let calls = 0;
    let usedMs = 0;
    while (usedMs < roundMs) {
      run();
      calls += 1;
      if (calls % 8 === 0 || calls < 8) usedMs = ownProcessorMs() - before;
    }
    if (round > 0) times.push((usedMs / calls) * 1000);
  }
  return median(times);
}
