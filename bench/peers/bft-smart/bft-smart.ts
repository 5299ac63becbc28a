import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { claimPorts, type PortRange } from '../../../src/cli/local/port-range.js';
import { missingOf, projectRoot, run } from '../../../test/interop/programs.js';
import { BenchmarkError } from '../../benchmark.js';
import type { LiveContext } from '../../support/while-alive.js';
import type { Peer, PeerWindow } from '../peer.js';
import { JavaProcess } from './java-process.js';

const replicas = 4;
const server = 'bftsmart.demo.microbenchmarks.ThroughputLatencyServer';
/** It keeps and prints its own figures of so many requests. */
const printEvery = 100_000;
/** Of its ports in the range: two of each replica, and that of what changes the group. */
const portsOfEach = 10;
const memory = ['-Xms256m', '-Xmx1g'];
const patienceMs = 60_000;

const nothing = z.object({});
const windowSchema = z.object({
  requests: z.number(),
  seconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});
const totalSchema = z.object({ answers: z.number(), failure: z.string().optional() });

/** Why it cannot be run here; undefined where it can. `folder`: as `gradlew installDist` of BFT-SMaRt makes it. */
export function lackOfBftSmart(folder: string | undefined): string | undefined {
  if (folder === undefined) return '--bft-smart names no folder with it';
  const missing = missingOf('java', 'javac');
  if (missing !== undefined) return `${missing} is not there (Debian: openjdk-17-jdk-headless)`;
  const lacking = ['lib', 'config/system.config'].find((name) => !existsSync(join(folder, name)));
  return (
    lacking && `${folder} has no ${lacking}: ./gradlew installDist makes build/install/library`
  );
}

/**
 * Four replicas of BFT-SMaRt with the server of its microbenchmark, and a process with clients. Requests and replies are
 * empty, and not signed; nothing is on disk.
 */
export class BftSmart implements Peer {
  readonly name = 'bft-smart';
  readonly version = 'BFT-SMaRt';
  readonly #directory: string;
  readonly #replicas: readonly JavaProcess[];
  readonly #clients: JavaProcess;
  readonly #ports: PortRange;
  readonly #signal: AbortSignal;
  #answers = 0;

  private constructor(
    directory: string,
    [clients, ...others]: readonly [JavaProcess, ...JavaProcess[]],
    ports: PortRange,
    signal: AbortSignal,
  ) {
    this.#directory = directory;
    this.#clients = clients;
    this.#replicas = others;
    this.#ports = ports;
    this.#signal = signal;
  }

  static async start(folder: string, { signal, onDied }: LiveContext): Promise<BftSmart> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-bft-smart-'));
    const ports = await claimPorts();
    const lib = join(resolve(folder), 'lib/*');
    const classes = join(directory, 'classes');
    await mkdir(classes);
    const source = join(projectRoot, 'bench/peers/bft-smart/OrderedLoad.java');
    await run('javac', ['-nowarn', '-cp', lib, '-d', classes, source]);
    const start = async (name: string, command: readonly string[]) => {
      const home = join(directory, name);
      await cp(join(folder, 'config'), join(home, 'config'), { recursive: true });
      await writeFile(join(home, 'config/hosts.config'), hosts(ports.basePort));
      await rm(join(home, 'config/currentView'), { force: true });
      const config = ['java.security.properties=./config/java.security'];
      const properties = [...config, 'logback.configurationFile=./config/logback.xml'];
      const java = [...memory, ...properties.map((each) => `-D${each}`)];
      const died = (last: string) =>
        onDied(new BenchmarkError(`bft-smart: ${name} ended by itself, saying: ${last}`));
      const args = [...java, '-cp', `${lib}:${classes}`, ...command];
      return JavaProcess.start(home, args, died);
    };
    const others: JavaProcess[] = [];
    const ready: Promise<unknown>[] = [];
    for (let id = 0; id < replicas; id += 1) {
      const args = [id, printEvery, 0, 0, false, 'nosig'].map(String);
      const replica = await start(`replica-${id}`, [server, ...args]);
      ready.push(replica.nextLine('Ready to process operations', patienceMs));
      others.push(replica);
    }
    await Promise.all(ready);
    const clients = await start('clients', ['peer.OrderedLoad']);
    return new BftSmart(directory, [clients, ...others], ports, signal);
  }

  async warmUp(seconds: number, clients: readonly number[]): Promise<void> {
    for (const count of clients) {
      await this.#load(count, () => sleep(seconds * 1000, undefined, { signal: this.#signal }));
    }
  }

  measure(clients: number, windowMs: number): Promise<PeerWindow> {
    return this.#load(clients, async () => {
      const before = this.#processorMs();
      await this.#ask('begin', nothing);
      await sleep(windowMs, undefined, { signal: this.#signal });
      const { requests, seconds, p50Ms, p99Ms } = await this.#ask('end', windowSchema);
      const usedMs = this.#processorMs() - before;
      if (requests === 0) throw new BenchmarkError('bft-smart: nothing was answered');
      return { perSecond: requests / seconds, p50Ms, p99Ms, processorMs: usedMs / requests };
    });
  }

  async check(): Promise<number> {
    return this.#answers;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#clients, ...this.#replicas].map((each) => each.end()));
    await this.#ports.release();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #load<Result>(clients: number, during: () => Promise<Result>): Promise<Result> {
    await this.#ask(`start ${clients}`, nothing);
    const result = await during();
    const { answers, failure } = await this.#ask('stop', totalSchema);
    if (failure !== undefined) throw new BenchmarkError(`bft-smart: a request failed: ${failure}`);
    this.#answers += answers;
    return result;
  }

  async #ask<Answer>(command: string, schema: z.ZodType<Answer>): Promise<Answer> {
    const answer = await this.#clients.ask(command, 'answer ', patienceMs);
    return schema.parse(JSON.parse(answer));
  }

  #processorMs(): number {
    return [this.#clients, ...this.#replicas].reduce((sum, each) => sum + each.processorMs(), 0);
  }
}

/** Where the replicas are: number, address, ports for clients and for the others. */
function hosts(basePort: number): string {
  const lines = Array.from({ length: replicas }, (_, id) => {
    const port = basePort + id * portsOfEach;
    return `${id} 127.0.0.1 ${port} ${port + 1}\n`;
  });
  return `${lines.join('')}7001 127.0.0.1 ${basePort + replicas * portsOfEach}\n`;
}
