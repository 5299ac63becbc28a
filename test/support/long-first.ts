import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where files run for tens of seconds, most of it waiting for processes of their own. */
const longRuns = [
  'test/system/',
  'test/examples/',
  'test/gateway/',
  'test/package.test.ts',
  'test/simulation/',
  'test/banking/',
  'test/session/',
  'test/service/',
];

/**
 * Starts what runs long before the rest. A fresh checkout has no earlier times to go by, and vitest then starts with the
 * largest files: the long runs are small ones, and the last of them leaves the other worker idle.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longRuns.findIndex((path) => moduleId.includes(path));
      return place < 0 ? longRuns.length : place;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((left, right) => rank(left) - rank(right));
  }
}
