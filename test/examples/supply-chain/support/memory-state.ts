import type { ClientId } from '../../../../src/kernel/ids.js';
import type { Application, Call, State } from '../../../../src/session/core/application.js';
import type { CallResult, SessionId } from '../../../../src/session/types.js';

/** A state that tells what was touched, and undoes what a rejected call wrote. */
export class MemoryState implements State {
  readonly values: Map<string, string>;
  readonly read = new Set<string>();
  readonly written = new Set<string>();

  constructor(values: Iterable<readonly [string, string]> = []) {
    this.values = new Map(values);
  }

  get(key: string): string | undefined {
    this.read.add(key);
    return this.values.get(key);
  }

  set(key: string, value: string): void {
    this.written.add(key);
    this.values.set(key, value);
  }

  delete(key: string): void {
    this.written.add(key);
    this.values.delete(key);
  }

  keys(prefix: string): readonly string[] {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}

/** Applies a call as the machine would. */
export function applyTo(state: MemoryState, application: Application, call: Call): CallResult {
  const before = [...state.values];
  const result = application.apply(state, call);
  if (result.kind === 'transfers') throw new Error('it asks for no transfers');
  if (result.kind === 'rejected') {
    state.values.clear();
    for (const [key, value] of before) state.values.set(key, value);
  }
  return result;
}

export function callOf(
  payload: string | object,
  { owner = 'alice', session = 'a1', sequence = 1 } = {},
): Call {
  return {
    owner: owner as ClientId,
    session: session.padEnd(64, '.') as SessionId,
    sequence,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  };
}
