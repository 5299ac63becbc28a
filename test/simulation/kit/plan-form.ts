import { z } from 'zod';

export const whole = z.number().int().min(0);

/** What every plan has. */
export const commonForm = {
  seed: whole,
  n: whole.min(4).max(22),
  f: whole.min(1).max(7),
  chaosMs: whole.max(3_600_000),
  stepsMax: whole.min(1),
};

/** Names of behaviours, as the library has them. */
export function namesIn<Name extends string>(library: Readonly<Record<Name, unknown>>) {
  return z.array(z.enum(Object.keys(library) as [Name, ...Name[]]));
}

/** The faults that are on, with their strengths. */
export function faultsOf<Kind extends string>(kinds: readonly Kind[]) {
  const strength = z.number().gt(0).max(1);
  return z.partialRecord(z.enum(kinds as [Kind, ...Kind[]]), strength).transform((faults) => {
    const on = Object.entries(faults).filter(([, value]) => value !== undefined);
    return Object.fromEntries(on) as Partial<Readonly<Record<Kind, number>>>;
  });
}
