import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BenchmarkError } from '../../benchmark.js';
import { answerSchema, lineOf, type ProfileCommand } from './link.js';

/** For a process to be there, and for an answer: a large profile takes a while to write on a busy machine. */
const patienceMs = 60_000;

interface Process {
  readonly socket: Socket;
  /** Waits for the answer to the command that was sent last. */
  answered: () => void;
}

/** The benchmark's end of the links to all processes that can be profiled. */
export class LinkServer {
  readonly path: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #processes = new Map<number, Process>();
  /** Has an event for each process that says that it is there, named by its id. */
  readonly #arrivals = new EventEmitter();

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'socket');
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(): Promise<LinkServer> {
    const server = new LinkServer(await mkdtemp(join(tmpdir(), 'concordat-bench-profile-')));
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(server.path, resolve);
    });
    return server;
  }

  /** Resolves when the process has done it. Throws `BenchmarkError` where it is not there or takes too long. */
  async command(pid: number, command: ProfileCommand): Promise<void> {
    const process = this.#processes.get(pid) ?? (await this.#arrivalOf(pid));
    await new Promise<void>((resolve, reject) => {
      const message = `process ${pid} did not ${command.kind} its profile within ${patienceMs} ms`;
      const timer = setTimeout(() => reject(new BenchmarkError(message)), patienceMs);
      process.answered = () => {
        clearTimeout(timer);
        resolve();
      };
      process.socket.write(lineOf(command));
    });
  }

  async close(): Promise<void> {
    for (const { socket } of this.#processes.values()) socket.destroy();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #arrivalOf(pid: number): Promise<Process> {
    const signal = AbortSignal.timeout(patienceMs);
    const arrival = once(this.#arrivals, String(pid), { signal });
    const [process] = (await arrival.catch(() => {
      throw new BenchmarkError(`process ${pid} cannot be profiled: it loads no profiler`);
    })) as [Process];
    return process;
  }

  #accept(socket: Socket): void {
    let pid: number | undefined;
    const end = () => {
      if (pid !== undefined) this.#processes.delete(pid);
    };
    socket.on('error', end).on('close', end);
    createInterface({ input: socket }).on('line', (line) => {
      const answer = answerSchema.parse(JSON.parse(line));
      if (answer.kind === 'ready') {
        pid = answer.pid;
        const process = { socket, answered: () => undefined };
        this.#processes.set(pid, process);
        this.#arrivals.emit(String(pid), process);
      } else if (pid !== undefined) this.#processes.get(pid)?.answered();
    });
  }
}
