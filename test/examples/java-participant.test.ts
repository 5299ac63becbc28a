import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe } from 'vitest';
import { hotelStories } from './participants/stories.js';

const folder = join(import.meta.dirname, '../../examples/java-participant');
const isThere = ['java', 'javac'].every((tool) => spawnSync(tool, ['-version']).status === 0);

describe.skipIf(!isThere)(`the hotel in Java${isThere ? '' : ' (no JDK is there)'}`, () => {
  let classes = '';
  beforeAll(async () => {
    classes = await mkdtemp(join(tmpdir(), 'concordat-classes-'));
    const sources = ['Hotel.java', 'Json.java'].map((name) => join(folder, name));
    await promisify(execFile)('javac', ['-Xlint:all', '-Werror', '-d', classes, ...sources]);
  });
  afterAll(() => rm(classes, { recursive: true, force: true }));

  hotelStories((port, data) => ['java', '-cp', classes, 'Hotel', String(port), data, '40']);
});
