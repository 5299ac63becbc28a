import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import {
  type Downloads,
  narayanaVersion,
  wildflyVersion,
} from '../../test/interop/narayana/downloads.js';
import { WildflyServer, wildflyPorts } from '../../test/interop/narayana/server.js';
import { projectRoot } from '../../test/interop/programs.js';
import { BenchmarkError } from '../benchmark.js';
import { processorMs } from '../support/processor-time.js';
import type { LiveContext } from '../support/while-alive.js';
import type { Peer, PeerWindow } from './peer.js';
import type { Settings } from './settings.js';

const war = { path: 'peer', folder: join(projectRoot, 'bench/peers/war') };
/** The collector that gives most throughput; the heap is large enough not to matter. */
const java = ['-Xms768m', '-Xmx768m', '-XX:+UseParallelGC', '-Dxts.workers=256'];
/** For any answer: XTS gives up on a participant after half a minute. */
const patienceMs = 120_000;
/** The load is looked at so often while it warms up. */
const warmUpStepMs = 60_000;

const nothing = z.object({});
const windowSchema = z.object({
  transfers: z.number(),
  seconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});
const totalSchema = z.object({ committed: z.number(), failure: z.string().optional() });
const booksSchema = z.object({ A: z.number(), B: z.number() });

/**
 * Narayana's XTS in WildFly: client and coordinator in the first server, which has the banks, too, where it is the only one;
 * both in the second of two; or one in each of two others. Object stores are on disk, nothing is signed, accounts are in
 * memory.
 */
export class Narayana implements Peer {
  readonly name = 'narayana';
  readonly version: string;
  readonly #directory: string;
  readonly #servers: readonly WildflyServer[];
  readonly #ports: PortRange;
  readonly #context: LiveContext;
  #committed = 0;

  private constructor(
    parts: { version: string; directory: string; servers: WildflyServer[]; ports: PortRange },
    context: LiveContext,
  ) {
    this.version = parts.version;
    this.#directory = parts.directory;
    this.#servers = parts.servers;
    this.#ports = parts.ports;
    this.#context = context;
  }

  /** Starts the servers, one after the other. */
  static async start(
    downloads: Downloads,
    { servers: count }: Settings,
    context: LiveContext,
  ): Promise<Narayana> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-narayana-'));
    const ports = await claimPorts();
    const servers: WildflyServer[] = [];
    for (let index = 0; index < count; index += 1) {
      const name = `peer-${index}`;
      const port = ports.basePort + index * wildflyPorts;
      const server = await WildflyServer.make({
        ...{ downloads, name, port, publicPort: port, war, java },
        directory: join(directory, name),
        activation: `http://127.0.0.1:${port}/ws-c11/ActivationService`,
        hasAsyncRegistration: false,
        onDied: () => context.onDied(new BenchmarkError(`narayana: ${name} ended by itself`)),
      });
      servers.push(server);
      await server.start('/books');
    }
    const version = `Narayana ${await narayanaVersion(downloads.home)} in WildFly ${wildflyVersion}`;
    return new Narayana({ version, directory, servers, ports }, context);
  }

  async warmUp(seconds: number, clients: readonly number[]): Promise<void> {
    const { signal, progress } = this.#context;
    await this.#load(Math.max(...clients), async () => {
      const endMs = performance.now() + seconds * 1000;
      while (performance.now() < endMs) {
        await this.#post('begin', nothing);
        await sleep(Math.min(warmUpStepMs, endMs - performance.now()), undefined, { signal });
        const window = await this.#post('end', windowSchema);
        const left = Math.max(0, (endMs - performance.now()) / 1000);
        progress(
          `narayana  ${(window.transfers / window.seconds).toFixed(1)}/s, ${left.toFixed(0)} s to go`,
        );
      }
    });
  }

  measure(clients: number, windowMs: number): Promise<PeerWindow> {
    const { signal } = this.#context;
    return this.#load(clients, async () => {
      const before = this.#processorMs();
      await this.#post('begin', nothing);
      await sleep(windowMs, undefined, { signal });
      const { transfers, seconds, p50Ms, p99Ms } = await this.#post('end', windowSchema);
      const usedMs = this.#processorMs() - before;
      if (transfers === 0) {
        throw new BenchmarkError(`narayana: no transfer ended within ${windowMs} ms`);
      }
      const perSecond = transfers / seconds;
      return { perSecond, p50Ms, p99Ms, processorMs: usedMs / transfers };
    });
  }

  async check(): Promise<number> {
    const { signal } = this.#context;
    const books = await Promise.all(
      this.#servers.map(async ({ url }) =>
        booksSchema.parse(await (await fetch(`${url}/books`, { signal })).json()),
      ),
    );
    const a = books.reduce((sum, { A }) => sum + A, 0);
    const b = books.reduce((sum, { B }) => sum + B, 0);
    if (a !== -this.#committed || b !== this.#committed) {
      const found = `the banks' books changed by ${a} and ${b}`;
      throw new BenchmarkError(`narayana: ${this.#committed} transfers of 1, but ${found}`);
    }
    return this.#committed;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end('SIGKILL')));
    await this.#ports.release();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Throws `BenchmarkError` where a transfer was not committed. */
  async #load<Result>(clients: number, during: () => Promise<Result>): Promise<Result> {
    const [a, b] = this.#banks;
    await this.#post('start', nothing, { clients: String(clients), a, b });
    const result = await during();
    const { committed, failure } = await this.#post('stop', totalSchema);
    if (failure !== undefined) throw new BenchmarkError(`narayana: a transfer failed: ${failure}`);
    this.#committed += committed;
    return result;
  }

  /** Where both are. */
  get #banks(): readonly [string, string] {
    const [first, second = first, third = second] = this.#servers.map(({ url }) => url);
    if (second === undefined || third === undefined) throw new RangeError('no server');
    return [second, third];
  }

  async #post<Answer>(
    what: string,
    schema: z.ZodType<Answer>,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const query = new URLSearchParams({ do: what, ...parameters });
    const signal = AbortSignal.any([this.#context.signal, AbortSignal.timeout(patienceMs)]);
    const url = `${this.#servers[0]?.url}/load?${query}`;
    const response = await fetch(url, { method: 'POST', signal });
    return schema.parse(await response.json());
  }

  #processorMs(): number {
    return this.#servers.reduce(
      (sum, { pid }) => sum + (pid === undefined ? 0 : processorMs(pid)),
      0,
    );
  }
}
