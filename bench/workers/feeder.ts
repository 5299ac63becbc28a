import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BenchmarkError } from '../benchmark.js';
import type { Fed, FeedKind } from './feed-kinds.js';

/** How a coordinator's edge runs: on so many processors, with so many worker threads. */
export interface Setting {
  readonly cores: number;
  readonly threads: number;
}

export interface FeederOptions extends Setting {
  /** A cluster's. */
  readonly directory: string;
  readonly kind: FeedKind;
  /** Messages of one backlog. */
  readonly count: number;
}

/** A process with the edge of one coordinator, which is fed a backlog each time that it is asked to. */
export class Feeder {
  readonly setting: Setting;
  readonly #child: ChildProcess;

  private constructor(setting: Setting, child: ChildProcess) {
    this.setting = setting;
    this.#child = child;
  }

  static async start({ directory, kind, count, cores, threads }: FeederOptions): Promise<Feeder> {
    const script = fileURLToPath(new URL('./feed.js', import.meta.url));
    const processors = Array.from({ length: cores }, (_, index) => index).join(',');
    const args = [script, directory, kind, String(threads), String(count)];
    const child = spawn('taskset', ['-c', processors, process.execPath, ...args], {
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    await answerOf(child);
    return new Feeder({ cores, threads }, child);
  }

  async feed(): Promise<Fed> {
    this.#child.send('feed');
    return (await answerOf(this.#child)) as Fed;
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    // Ctrl-C has ended it, too.
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }
}

/** Throws `BenchmarkError` where the process ends instead. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  const given = new AbortController();
  const { signal } = given;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]: unknown[]) => message),
      once(child, 'exit', { signal }).then(() => {
        throw new BenchmarkError('a process that is fed has ended; see its last lines');
      }),
    ]);
  } finally {
    given.abort();
  }
}
