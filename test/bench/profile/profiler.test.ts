import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withProfiler } from '../../../bench/support/profile/profiler.js';

/** Works when told to, for so many milliseconds, and answers. */
const program = `
function warmUp(ms) { const end = performance.now() + ms; while (performance.now() < end); }
function burn(ms) { const end = performance.now() + ms; while (performance.now() < end); }
warmUp(60);
process.on('message', (ms) => { burn(ms); process.send('done'); });
process.send('ready');
`;

describe('a profile of processes', () => {
  let directory: string;
  const children: ChildProcess[] = [];
  const context = { signal: new AbortController().signal, progress: () => undefined };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'concordat-profile-test-'));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  async function startNode(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['-e', program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    await once(child, 'message');
    return child;
  }

  async function work(child: ChildProcess, ms: number): Promise<void> {
    child.send(ms);
    await once(child, 'message');
  }

  it('has what they did while they were measured, by role, and nothing from before', async () => {
    const target = join(directory, 'profiles');
    const before = { ...process.env };
    await withProfiler(target, context, async ({ profiler }) => {
      const nodes = await Promise.all([startNode(), startNode()]);
      const processes = nodes.map(({ pid }, index) => ({
        name: `bank-${index}`,
        role: 'bank',
        pid,
      }));
      for (let window = 0; window < 2; window += 1) {
        await profiler?.during('a system', processes, async () => {
          await Promise.all(nodes.map((child) => work(child, 60)));
        });
      }
      // They end by themselves: what profiles them keeps no process alive.
      const ended = nodes.map((child) => once(child, 'exit'));
      for (const child of nodes) child.disconnect();
      expect((await Promise.all(ended)).map(([code]) => code)).toEqual([0, 0]);
    });
    expect(process.env).toEqual(before);
    const files = readdirSync(join(target, 'a-system')).sort();
    const profiles = [1, 2].flatMap((window) =>
      ['bank-0', 'bank-1', 'clients'].map((name) => `${name}-${window}.cpuprofile`),
    );
    const graphs = ['bank', 'client'].flatMap((role) => [`${role}.html`, `${role}.txt`]);
    expect(files).toEqual([...profiles, ...graphs].sort());
    const page = readFileSync(join(target, 'a-system', 'bank.html'), 'utf8');
    expect(page).toContain('burn ');
    expect(page).not.toContain('warmUp ');
    expect(page).not.toMatch(/__[A-Z]+__|(src|href)=/);
    expect(readFileSync(join(target, 'a-system', 'bank.txt'), 'utf8')).toContain('burn ');
  });

  it('goes nowhere where something is', async () => {
    writeFileSync(join(directory, 'notes'), '');
    const opened = withProfiler(directory, context, async () => undefined);
    await expect(opened).rejects.toThrow('is not empty');
  });
});
