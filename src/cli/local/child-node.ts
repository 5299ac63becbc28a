import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHealthy } from '../../kernel/http/http-get.js';
import { CliError } from '../exit.js';

/** Room for what lives shortly (MiB, each of three parts): with less of it, load costs a fifth more processor time. */
export const nodeFlags = ['--max-semi-space-size=64'];

export interface ChildNodeOptions {
  readonly name: string;
  /** Base address of its HTTP server. */
  readonly url: string;
  /** Gets what the process writes, after what is there. */
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A command that runs the command line that follows it, in the same process; none unless given. */
  readonly launcher?: readonly string[];
  /** Called where the process ends after a good start and nobody asked it to. */
  readonly onDied: (end: ProcessEnd) => void;
}

/** How a process ended: with an exit status, or by a signal. */
export interface ProcessEnd {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

interface RunningChild {
  readonly process: ChildProcess;
  readonly ended: Promise<ProcessEnd>;
}

/** A node that has been asked to stop is killed after so long. */
const stopGraceMs = 10_000;
const healthPollMs = 50;
/** For one answer: a node that starts on a busy machine may have a lot to catch up on first. */
const healthTimeoutMs = 10_000;

/** One node as a child process, again and again. It ends itself when this process is gone. */
export class ChildNode {
  readonly #options: ChildNodeOptions;
  #running: RunningChild | undefined;
  /** The one that is not supposed to end. */
  #well: RunningChild | undefined;

  constructor(options: ChildNodeOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get url(): string {
    return this.#options.url;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  /** `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#running?.process.pid;
  }

  /**
   * Runs `node ARGS` and waits until the node answers at `/healthz`. Throws `CliError`, with the last
   * line of its log, where it ends before that or takes longer than `timeoutMs`.
   */
  async start(args: readonly string[], timeoutMs: number): Promise<void> {
    if (this.#running !== undefined) throw new Error(`${this.name} runs already`);
    const { logFile, url } = this.#options;
    const logStart = sizeOf(logFile);
    const child = this.#spawn(args);
    const deadline = performance.now() + timeoutMs;
    let end: ProcessEnd | undefined;
    child.ended.then((value) => {
      end = value;
    });
    while (end === undefined && performance.now() < deadline) {
      // Its predecessor at this address is gone, so this is its own answer.
      if ((await isHealthy(url, healthTimeoutMs)) && end === undefined) {
        this.#well = child;
        return;
      }
      await sleep(healthPollMs);
    }
    const what = end === undefined ? `did not answer within ${timeoutMs} ms` : endText(end);
    if (end === undefined) await this.end('SIGKILL');
    const lastLine = lastLineFrom(logFile, logStart);
    throw new CliError(
      'failed',
      `${this.name} did not start: it ${what}${lastLine && `, saying: ${lastLine}`} (see ${logFile})`,
    );
  }

  /** Ends the process, where it runs, and waits for that. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<ProcessEnd | undefined> {
    const running = this.#running;
    if (running === undefined) return undefined;
    this.#well = undefined;
    running.process.kill(signal);
    const overdue = setTimeout(() => running.process.kill('SIGKILL'), stopGraceMs);
    const end = await running.ended;
    clearTimeout(overdue);
    return end;
  }

  #spawn(args: readonly string[]): RunningChild {
    const { logFile, environment, launcher = [] } = this.#options;
    const log = openSync(logFile, 'a', 0o600);
    const run = [process.execPath, ...nodeFlags, ...args];
    const [command = process.execPath, ...rest] = [...launcher, ...run];
    const started = spawn(command, rest, {
      // The channel shows the child that this process is gone.
      stdio: ['ignore', log, log, 'ipc'],
      // Its own process group: Ctrl-C is for this process, which then stops its children in peace.
      detached: true,
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    const ended = new Promise<ProcessEnd>((resolve) => {
      started.once('error', () => resolve({ exitCode: undefined, signal: undefined }));
      started.once('exit', (exitCode, signal) =>
        resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }),
      );
    });
    const child = { process: started, ended };
    this.#running = child;
    ended.then((end) => {
      this.#running = undefined;
      if (this.#well === child) this.#options.onDied(end);
    });
    return child;
  }
}

/** For people: `ended with status 2`, `was killed by SIGKILL`. */
export function endText({ exitCode, signal }: ProcessEnd): string {
  if (signal !== undefined) return `was killed by ${signal}`;
  return exitCode === undefined ? 'could not be run' : `ended with status ${exitCode}`;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Characters of a node's last words; what to do about a damaged store takes some 600. */
const lastLineLength = 2000;

/** The last line of what was written after `start`. */
function lastLineFrom(file: string, start: number): string {
  const text = readFileSync(file).subarray(start).toString();
  return (text.trimEnd().split('\n').at(-1) ?? '').slice(0, lastLineLength);
}
