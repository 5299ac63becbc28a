import { Rejection } from './rejection.js';

/** Reads one field of a payload; throws `Rejection` where the value cannot be. */
type Field<T> = (value: unknown, field: string) => T;

/** A payload's fields, step by step. Each step may also say `at`, see `StepCommon`. */
const shapes = {
  /** Any enrolled client may; a name is given once. */
  'register-supplier': { supplier: name, publicKey: hex(32) },
  /** `signature` is the supplier's over `packageText`; it is checked by `validate-signature`. */
  'create-package': {
    package: name,
    supplier: name,
    contents: text(1, 1024),
    weightGrams: wholeNumber(1, 1_000_000_000),
    signature: hex(64),
  },
  /** Says where the session works. */
  'start-work': { station: name },
  /** Claims the package for the session. */
  scan: { package: name },
  'validate-signature': { package: name },
  'quality-check': { package: name, passed: truth, notes: text(0, 512) },
  /** Hands the package over to a courier, whose labels are used once each. The last step. */
  label: { package: name, courier: name, label: name },
  /** Gives a claimed package back, from any session of the same owner. */
  release: { package: name },
  /**
   * Takes the history of a package that has its label out of the state, and leaves its last hash there. Whoever
   * wants to keep the history proves it first.
   */
  archive: { package: name },
  /** Changes nothing; tells where the package stands. */
  history: { package: name },
} as const;

type Shapes = typeof shapes;

interface StepCommon {
  /** When the operator did it, by the operator's own clock: a claim, UTC as ISO 8601. */
  readonly at?: string;
}

/** What an operator can do: the payload of a call, as JSON with the step's name under `do`. */
export type Step = {
  readonly [Do in keyof Shapes]: StepCommon & { readonly do: Do } & {
    readonly [Name in keyof Shapes[Do]]: Shapes[Do][Name] extends Field<infer T> ? T : never;
  };
}[keyof Shapes];

/** Throws `Rejection` where the payload is not exactly one step. */
export function parseStep(payload: string): Step {
  const given = parseObject(payload);
  const { do: kind, at } = given;
  if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) {
    throw new Rejection(`"do" must be one of ${Object.keys(shapes).join(', ')}`);
  }
  const fields: [string, Field<unknown>][] = Object.entries(shapes[kind as keyof Shapes]);
  const known = ['do', 'at', ...fields.map(([field]) => field)];
  if (Object.keys(given).some((field) => !known.includes(field))) {
    throw new Rejection(`${kind} has the fields ${known.join(', ')} and no others`);
  }
  return {
    do: kind,
    ...Object.fromEntries(fields.map(([field, read]) => [field, read(given[field], field)])),
    ...(at !== undefined && { at: moment(at, 'at') }),
  } as Step;
}

function parseObject(payload: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    // The parser's own words differ between versions, and replicas must say the same.
    throw new Rejection('the payload is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Rejection('the payload is not a JSON object');
  }
  return { ...value };
}

function name(value: unknown, field: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value)) return value;
  throw new Rejection(
    `"${field}" must be a letter or digit, then at most 62 letters, digits, ".", "_" or "-"`,
  );
}

function hex(bytes: number): Field<string> {
  const pattern = new RegExp(`^[0-9a-f]{${2 * bytes}}$`);
  return (value, field) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new Rejection(`"${field}" must be ${2 * bytes} lower-case hexadecimal digits`);
  };
}

/** One line: no control characters, so that lines of a signed text stay apart; no lone surrogates. */
function text(minBytes: number, maxBytes: number): Field<string> {
  return (value, field) => {
    const fits =
      typeof value === 'string' &&
      !/[\p{Cc}\p{Cs}]/u.test(value) &&
      Buffer.byteLength(value) >= minBytes &&
      Buffer.byteLength(value) <= maxBytes;
    if (fits) return value;
    throw new Rejection(`"${field}" must be one line of ${minBytes} to ${maxBytes} bytes`);
  };
}

function wholeNumber(min: number, max: number): Field<number> {
  return (value, field) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw new Rejection(`"${field}" must be a whole number, ${min} to ${max}`);
  };
}

function truth(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new Rejection(`"${field}" must be true or false`);
}

function moment(value: unknown, field: string): string {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/.test(value)) {
    return value;
  }
  throw new Rejection(`"${field}" must be a time such as 2026-01-31T12:00:00Z`);
}

/** What follows the last case of a `switch` over steps. */
export function unknownStep(step: never): never {
  throw new Error(`no step: ${JSON.stringify(step)}`);
}
