import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initCluster } from '../../src/cli/init.js';
import { claimPorts, localHost } from '../../src/cli/local/port-range.js';

/** What a frame costs at each end of a link between two replicas, in microseconds of processor time. */
export interface LinkCosts {
  readonly sendUs: number;
  readonly receiveUs: number;
}

export type ToEnd =
  | { readonly kind: 'send'; readonly frames: number; readonly bytes: number }
  /** Answered by `ready` at once, and by `done` when they are there. */
  | { readonly kind: 'expect'; readonly frames: number };
/** Processor time used between the order and its end. */
export type FromEnd =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly usedMs: number };

/** Frames that one replica of a real pair sends to the other. */
export class Link {
  readonly #directory: string;
  readonly #ends: readonly [ChildProcess, ChildProcess];
  readonly #release: () => Promise<void>;

  private constructor(
    directory: string,
    ends: readonly [ChildProcess, ChildProcess],
    release: () => Promise<void>,
  ) {
    this.#directory = directory;
    this.#ends = ends;
    this.#release = release;
  }

  static async open(): Promise<Link> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-link-'));
    const { basePort, release } = await claimPorts();
    const layout = { kind: 'local', host: localHost, basePort } as const;
    await initCluster({ directory, clusterId: 'bench', f: 1, layout });
    const script = fileURLToPath(new URL('./link-end.js', import.meta.url));
    const start = (end: 0 | 1) =>
      fork(script, [directory, String(end)], { stdio: ['ignore', 2, 2, 'ipc'] });
    const ends = [start(0), start(1)] as const;
    await Promise.all(ends.map((end) => answerOf(end)));
    return new Link(directory, ends, release);
  }

  async measure(frames: number, bytes: number): Promise<LinkCosts> {
    const [sender, receiver] = this.#ends;
    const ready = answerOf(receiver);
    tell(receiver, { kind: 'expect', frames });
    await ready;
    const both = Promise.all([answerOf(sender), answerOf(receiver)]);
    tell(sender, { kind: 'send', frames, bytes });
    const [sent, received] = await both;
    return { sendUs: usedUs(sent, frames), receiveUs: usedUs(received, frames) };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#ends.map((end) => {
        const exited = once(end, 'exit');
        end.disconnect();
        return exited;
      }),
    );
    await this.#release();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function tell(end: ChildProcess, message: ToEnd): void {
  end.send(message);
}

async function answerOf(end: ChildProcess): Promise<FromEnd> {
  const [message] = (await once(end, 'message')) as [FromEnd];
  return message;
}

function usedUs(message: FromEnd, frames: number): number {
  return message.kind === 'done' ? (message.usedMs * 1000) / frames : Number.NaN;
}
