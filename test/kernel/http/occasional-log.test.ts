import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OccasionalLog } from '../../../src/kernel/http/log-output.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function occasional() {
  const lines: [string, object][] = [];
  const write = (data: object, event: string) => void lines.push([event, data]);
  return { lines, log: new OccasionalLog({ info: write, warn: write, error: write }) };
}

it('writes one line a second of each event and source, and says how many it left out', () => {
  const { lines, log } = occasional();
  for (let count = 0; count < 1000; count += 1) {
    log.write('warn', 'refused', { count }, count % 2);
    log.write('info', 'other', { count });
  }
  expect(lines).toEqual([
    ['refused', { count: 0 }],
    ['other', { count: 0 }],
    ['refused', { count: 1 }],
  ]);
  vi.advanceTimersByTime(1000);
  log.write('warn', 'refused', { count: 1000 }, 0);
  expect(lines.at(-1)).toEqual(['refused', { count: 1000, leftOut: 499 }]);
});

it('remembers a bounded number of sources', () => {
  const { lines, log } = occasional();
  for (let source = 0; source < 257; source += 1) log.write('warn', 'refused', {}, source);
  log.write('warn', 'refused', { again: true }, 0);
  expect(lines.at(-1)).toEqual(['refused', { again: true }]);
});
