import { describe, expect, it } from 'vitest';
import { neverCommits, votesTwice } from './mutants.js';
import { drawPlan, type Scenario } from './plan/draw-plan.js';
import type { Plan } from './plan/plan.js';
import { readPlan } from './plan/read-plan.js';
import { shrink } from './plan/shrink.js';
import { simulate } from './run/simulate.js';

describe('a run', () => {
  it.each<[Scenario, readonly number[]]>([
    ['calm', [1]],
    ['crashes', [1, 2]],
    ['links', [1, 2]],
    ['liars', [1, 2, 3]],
    ['twins', [1, 2]],
    ['swarm', [1, 2]],
    ['swarm', [4, 5]],
    ['swarm', [8, 9]],
  ])('of %s violates nothing', (scenario, seeds) => {
    for (const seed of seeds) expect(simulate(drawPlan(seed, scenario)).violations).toEqual([]);
  });

  it('goes the same way again, from its seed and from its printed plan', () => {
    const plan = drawPlan(3, 'swarm');
    const { fingerprint, steps } = simulate(plan);
    expect(simulate(drawPlan(3, 'swarm'))).toMatchObject({ fingerprint, steps });
    expect(simulate(readPlan(JSON.stringify(plan)))).toMatchObject({ fingerprint, steps });
    expect(simulate(drawPlan(4, 'swarm')).fingerprint).not.toBe(fingerprint);
  });

  it('that fails, fails again in the same way, line by line', () => {
    const tell = (plan: Plan) => {
      const lines: string[] = [];
      const report = simulate(plan, { cores: votesTwice, narrate: (line) => lines.push(line) });
      return { report, lines };
    };
    const plan = drawPlan(7, 'links');
    const first = tell(plan);
    expect(first.report.violations).not.toEqual([]);
    expect(tell(readPlan(JSON.stringify(plan)))).toEqual(first);
  });

  it('tells what happens, up to the step it is asked to stop at', () => {
    const lines: string[] = [];
    const { steps } = simulate(drawPlan(1, 'calm'), {
      steps: 900,
      narrate: (line) => lines.push(line),
    });
    expect(steps).toBe(900);
    expect(lines.join('\n')).toMatch(/c0 -> c1: .*pre-prepare/);
  });
});

describe('the shrinker', () => {
  it('takes away all that the failure does not need', () => {
    const cores = { ...neverCommits };
    const failing = { ...drawPlan(5, 'links'), stepsMax: 20_000 };
    const fails = (plan: typeof failing) =>
      simulate(plan, { cores }).violations.some(({ checker }) => checker === 'everything-finishes');
    const { plan } = shrink(failing, fails, 12);
    expect(fails(plan)).toBe(true);
    expect(plan).toMatchObject({ faults: {}, clients: 1, ordersPerClient: 1 });
  });

  it('stops where nothing can go any more', () => {
    const whole = drawPlan(11, 'swarm');
    const { plan } = shrink(whole, ({ banks }) => banks > 1);
    expect(plan).toMatchObject({ banks: 2, clients: 1, ordersPerClient: 1, liars: [], faults: {} });
  });
});
