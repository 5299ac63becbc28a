import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe } from 'vitest';
import { hotelStories } from './participants/stories.js';

const script = join(import.meta.dirname, '../../examples/python-participant/hotel.py');
const python = process.platform === 'win32' ? 'python' : 'python3';
const isThere = spawnSync(python, ['-c', 'import sqlite3']).status === 0;

describe.skipIf(!isThere)(`the hotel in Python${isThere ? '' : ' (python3 is not there)'}`, () => {
  hotelStories((port, data) => [python, '-B', script, String(port), data, '40']);
});
