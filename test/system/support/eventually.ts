import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until the condition holds; one that throws does not hold yet. Fails after a minute, naming it:
 * real processes on a busy machine take their time.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 60_000;
  const held = async () => holds();
  while (!(await held().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`never came about: ${what}`);
    await delay(50);
  }
}
