import { expect, it } from 'vitest';
import { fewTransfersWarning } from '../../../bench/transfer/results.js';

it('warns where a window had few transfers, with the least of them', () => {
  const windows = (...transfers: number[]) =>
    transfers.map((transfersPerWindow) => ({ transfersPerWindow }));
  expect(fewTransfersWarning(windows(50, 400))).toEqual([]);
  const [line, ...others] = fewTransfersWarning(windows(400, 49, 60));
  expect(line).toMatch(/^Few transfers: a window had 49 of them/);
  expect(others).toEqual([]);
});
