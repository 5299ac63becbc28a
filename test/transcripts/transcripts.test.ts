import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStage } from './kit/open.js';
import { play } from './kit/script.js';

const scripts = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.txt'));

it.each(scripts)('%s', async (name) => {
  const path = join(import.meta.dirname, name);
  const script = readFileSync(path, 'utf8');
  await expect(play(script, openStage)).toMatchFileSnapshot(path);
});
