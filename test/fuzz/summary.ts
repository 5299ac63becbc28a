import type { Shot } from './attack.js';

/** What was done and what came of it, by kind. */
export interface KindSummary {
  readonly kind: string;
  readonly inputs: number;
  /** Times of each answer, the most frequent first. */
  readonly answers: Readonly<Record<string, number>>;
  readonly violations: number;
}

/** Something that was not as it must be. */
export interface Violation {
  readonly kind: string;
  /** With the run's seed, the stream of random numbers that made the input. */
  readonly stream: number;
  readonly what: string;
  /** Of the input, where it is known; in base64. */
  readonly input?: string;
}

const keptViolations = 100;
const keptInputBytes = 16_384;

/** Counts inputs by kind and answer, and keeps the first violations. */
export class Summary {
  readonly #kinds = new Map<
    string,
    { inputs: number; violations: number; answers: Map<string, number> }
  >();
  readonly #violations: Violation[] = [];
  #inputs = 0;
  #violationCount = 0;

  get inputs(): number {
    return this.#inputs;
  }

  get violationCount(): number {
    return this.#violationCount;
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  get kinds(): KindSummary[] {
    return [...this.#kinds]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, { inputs, violations, answers }]) => ({
        kind,
        inputs,
        violations,
        answers: Object.fromEntries([...answers].sort(([, a], [, b]) => b - a)),
      }));
  }

  add(kind: string, stream: number, { answer, violation, input }: Shot): void {
    this.#inputs += 1;
    const entry = this.#entry(kind);
    entry.inputs += 1;
    entry.answers.set(answer, (entry.answers.get(answer) ?? 0) + 1);
    if (violation === undefined) return;
    entry.violations += 1;
    const bytes = input && Buffer.from(input.subarray(0, keptInputBytes)).toString('base64');
    this.violate({ kind, stream, what: violation, ...(bytes !== undefined && { input: bytes }) });
  }

  /** A violation that no single input stands for. */
  violate(violation: Violation): void {
    this.#violationCount += 1;
    if (this.#violations.length < keptViolations) this.#violations.push(violation);
  }

  #entry(kind: string) {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const made = { inputs: 0, violations: 0, answers: new Map<string, number>() };
    this.#kinds.set(kind, made);
    return made;
  }
}
