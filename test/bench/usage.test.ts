import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Wrong command lines of the programs for whoever changes a protocol: nothing is measured, and the status is 2. */

const program = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const bench = program('bench/main.js');
const explore = program('test/exploration/main.js');
const sim = program('test/simulation/main.js');
const model = program('test/model/main.js');

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
  [sim, ['--seeds', '3..1'], /Write two seeds, the smaller first, as in 1\.\.2000/],
  [sim, ['--seeds', '1..2..3'], /Write two seeds/],
  [sim, ['--seed', 'abc'], /Write a whole number from 0/],
  [sim, ['--seed', ''], /Write a whole number from 0/],
  [
    sim,
    ['--seed', '1', '--seeds', '1..2'],
    /'--seed <number>' cannot be used with option '--seeds/,
  ],
  [sim, ['--seed', '1', '--plan', '{}'], /'--seed <number>' cannot be used with option '--plan/],
  [sim, ['--seeds', '1..2', '--shrink'], /'--seeds <range>' cannot be used with option '--shrink'/],
  [sim, ['--seeds', '1..2', '--workers', '0'], /Write a whole number from 1 to 256/],
  [sim, ['--scenario', 'foo', '--seed', '1'], /Allowed choices are/],
  [sim, ['--scenario', 'ordering', '--engine', 'foo', '--seed', '1'], /Allowed choices are/],
  [sim, ['--engine', 'fab', '--seed', '1'], /--engine is of --scenario ordering or sessions/],
  [
    sim,
    ['--scenario', 'sessions', '--engine', 'ezbft', '--seed', '1'],
    /sessions do not run on ezbft/,
  ],
  [sim, ['--plan', '{'], /--plan is no plan of --scenario swarm: SyntaxError/],
  [sim, ['--scenario', 'ordering', '--plan', '{}'], /--plan is no plan of --scenario ordering: \S/],
  [sim, [], /Name one of --seed, --seeds and --plan/],
  [sim, ['--workers', '2'], /Name one of --seed, --seeds and --plan/],
  [sim, ['--shrink'], /Name one of --seed, --seeds and --plan/],
  [sim, ['--scenario', 'ordering', '--engine', 'fab'], /Name one of --seed, --seeds and --plan/],
  [model, ['--samples', '0'], /Write a whole number from 1/],
  [model, ['--traces', '0'], /Write a whole number from 1/],
  [model, ['--samples', 'many'], /Write a whole number from 1/],
])('%s %j is refused', async (script, args, message) => {
  const { status, err } = await run(script, args);
  expect(err).toMatch(message);
  expect(err).not.toMatch(/^ +at /m);
  expect(status).toBe(2);
});

function run(script: string, args: readonly string[]): Promise<{ status: unknown; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, _, err) =>
      resolve({ status: error?.code ?? 0, err }),
    );
  });
}
