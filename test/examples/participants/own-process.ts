import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../../system/support/eventually.js';

/** A process that a test kills and starts again. */
export class OwnProcess {
  readonly #command: readonly string[];
  readonly #healthUrl: string;
  #child: ChildProcess | undefined;
  #written = '';

  /** `healthUrl`: answers once the process is ready. */
  constructor(command: readonly string[], healthUrl: string) {
    this.#command = command;
    this.#healthUrl = healthUrl;
  }

  /** Resolves when it answers; rejects with what it wrote where it ends before. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        this.#written = (this.#written + String(data)).slice(-10_000);
      });
    }
    await eventually(`${program} answers`, async () => {
      if (child.exitCode !== null) return true;
      return (await fetch(this.#healthUrl)).ok;
    });
    if (child.exitCode !== null) throw new Error(`it ended: ${this.#written}`);
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}
