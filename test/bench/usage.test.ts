import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Wrong command lines of the programs for whoever changes a protocol: nothing is measured, and the status is 2. */

const program = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const bench = program('bench/main.js');
const explore = program('test/exploration/main.js');

it.each([
  [bench, ['transfer', '--compare', '.', '--participants', '2'], /'--participants <list>' cannot/],
  [bench, ['transfer', '--compare', '.', '--binding', 'compact'], /'--binding <name>' cannot be/],
  [bench, ['transfer', '--warm-up', '5'], /--warm-up is of no use without --compare/],
  [bench, ['transfer', '--compare', '.', './'], /--compare names .\/ twice/],
  [bench, ['transfer', '--compare', '/nowhere'], /--compare \/nowhere: there is no such directory/],
  [bench, ['transfer', '--compare', '/'], /--compare \/: this is no checkout of this project/],
  [bench, ['ordering', '--quick', '--seconds', '3'], /'--seconds <n>' cannot be used with/],
  [bench, ['ordering', '--quick', '--rounds', '2'], /'--rounds <n>' cannot be used with/],
  [bench, ['ordering', '--quick', '--grid'], /'--grid' cannot be used with/],
  [
    bench,
    ['ordering', '--only', 'simulated', '--grid'],
    /are of real processes, not of --only sim/,
  ],
  [bench, ['ordering', '--compare', '/'], /--compare \/: this is no checkout of this project/],
  [bench, ['wan', '--seconds', '3'], /--seconds is of no use without --over processes/],
  [bench, ['wan', '--quick'], /--quick is of no use without --over processes/],
  [explore, ['--wings'], /unknown option '--wings'/],
  [explore, ['--budget', '-1'], /Write a whole number, 0 or more/],
  [explore, ['--engine', 'raft'], /Allowed choices are/],
])('%s %j is refused', async (script, args, message) => {
  const { status, err } = await run(script, args);
  expect(err).toMatch(message);
  expect(status).toBe(2);
});

function run(script: string, args: readonly string[]): Promise<{ status: unknown; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, _, err) =>
      resolve({ status: error?.code ?? 0, err }),
    );
  });
}
