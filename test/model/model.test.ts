import { describe, expect, it } from 'vitest';
import { type Model, models, stepsMax } from './models.js';
import { sample } from './quint.js';

/** `npm run model` draws more. */
const samples = 10;
/** Quint reads a model in a second or two, on a machine that is not busy. */
const patienceMs = 300_000;

const each: readonly (readonly [string, Model])[] = Object.entries(models);

describe.each(each)('the model of %s', (name, { seed: ours, witnesses, published, replay }) => {
  it(
    'keeps its invariants, and production cores follow it',
    async () => {
      const drawn = { module: 'ours', samples, steps: stepsMax, seed: ours, traces: samples };
      const { isViolated, witnessed, traces } = await sample(name, witnesses, drawn);
      expect(isViolated).toBe(false);
      expect(traces).toHaveLength(samples);
      for (const witness of witnesses) expect(witnessed.get(witness), witness).toBeGreaterThan(0);
      for (const trace of traces) replay(trace);
    },
    patienceMs,
  );

  it.each(published)(
    'breaks where $rule, and production cores do not follow',
    async ({ module, seed }) => {
      const drawn = { module, samples, steps: stepsMax, seed };
      const { isViolated, traces } = await sample(name, [], drawn);
      expect(isViolated).toBe(true);
      const [trace = []] = traces;
      expect(() => replay(trace)).toThrow();
    },
    patienceMs,
  );
});
