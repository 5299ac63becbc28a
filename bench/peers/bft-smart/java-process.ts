import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BenchmarkError } from '../../benchmark.js';
import { processorMs } from '../../support/processor-time.js';

/** A Java virtual machine that is controlled by lines, and writes what it says to `log`, too. */
export class JavaProcess {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #lines = new EventEmitter<{ line: [string] }>();
  #isEnding = false;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  /** Runs `java ARGS` in the directory. `onDied` gets the last line of standard error. */
  static start(
    directory: string,
    args: readonly string[],
    onDied: (last: string) => void,
  ): JavaProcess {
    const child = spawn('java', args, { cwd: directory, stdio: ['pipe', 'pipe', 'pipe'] });
    const started = new JavaProcess(child, directory);
    process.once('exit', () => child.kill('SIGKILL'));
    let last = '';
    child.once('close', () => {
      if (!started.#isEnding) onDied(last);
    });
    const log = createWriteStream(join(directory, 'log'));
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`);
      last = line;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.write(`${line}\n`);
      started.#lines.emit('line', line);
    });
    return started;
  }

  /** The next line with this text. Throws `BenchmarkError` where that takes too long. */
  nextLine(text: string, patienceMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const onLine = (line: string) => {
        if (!line.includes(text)) return;
        clearTimeout(timer);
        this.#lines.off('line', onLine);
        resolve(line);
      };
      const message = `no "${text.trim()}" from Java within ${patienceMs} ms; see ${this.#directory}/log`;
      const timer = setTimeout(() => reject(new BenchmarkError(message)), patienceMs);
      this.#lines.on('line', onLine);
    });
  }

  /** Gives what follows the prefix in the line that answers a command. */
  async ask(command: string, prefix: string, patienceMs: number): Promise<string> {
    const answer = this.nextLine(prefix, patienceMs);
    this.#child.stdin?.write(`${command}\n`);
    return (await answer).slice(prefix.length);
  }

  processorMs(): number {
    return processorMs(this.#child.pid ?? 0);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
