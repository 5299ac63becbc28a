import type { Call } from 'concordat/application';
import { keys } from './keys.js';
import { parseStep, type Step, unknownStep } from './steps.js';

/** Whether the order of two calls matters: one may write what the other reads or writes. */
export function interferes(a: Call, b: Call): boolean {
  const one = touchedBy(a);
  const other = touchedBy(b);
  return (
    meet(one.writes, other.writes) || meet(one.writes, other.reads) || meet(one.reads, other.writes)
  );
}

interface Touched {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** The keys that a call may read or write. One that nobody understands touches none. */
function touchedBy({ owner, payload }: Call): Touched {
  let step: Step;
  try {
    step = parseStep(payload);
  } catch {
    return { reads: [], writes: [] };
  }
  switch (step.do) {
    case 'register-supplier':
      return { reads: [], writes: [keys.suppliersOf(owner), keys.supplier(step.supplier)] };
    case 'create-package':
      return {
        reads: [keys.supplier(step.supplier), keys.archived(step.package)],
        writes: [keys.package(step.package)],
      };
    case 'archive':
      return { reads: [], writes: [keys.package(step.package), keys.archived(step.package)] };
    case 'start-work':
      return { reads: [], writes: [keys.operator(owner)] };
    case 'scan':
      return { reads: [keys.operator(owner)], writes: [keys.package(step.package)] };
    case 'label':
      return {
        reads: [],
        writes: [keys.package(step.package), keys.label(step.courier, step.label)],
      };
    case 'history':
      return { reads: [keys.package(step.package)], writes: [] };
    case 'validate-signature':
    case 'quality-check':
    case 'release':
      return { reads: [], writes: [keys.package(step.package)] };
    default:
      return unknownStep(step);
  }
}

function meet(some: readonly string[], others: readonly string[]): boolean {
  return some.some((key) => others.includes(key));
}
