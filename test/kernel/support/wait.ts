import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds; fails after ten seconds, naming it. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came about: ${what}`);
    await delay(5);
  }
}
