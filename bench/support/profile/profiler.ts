import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import { usageError } from '../../../src/cli/exit.js';
import type { RunContext } from '../../benchmark.js';
import { flamePage } from './flame-page.js';
import { hottestText } from './hottest.js';
import { socketVariable } from './link.js';
import { LinkServer } from './link-server.js';
import { MergedProfile, profileOf } from './merged-profile.js';
import { Recorder } from './recorder.js';
import type { ProfiledProcess, WindowProfiler } from './window-profiler.js';

interface Recorded {
  readonly system: string;
  readonly role: string;
  readonly file: string;
}

/** All profiles of one role; the path lacks an ending. */
interface Merged {
  readonly path: string;
  readonly profile: MergedProfile;
}

const ownRole = 'client';
const optionsVariable = 'NODE_OPTIONS';

/** Profiles processes of a run while they are measured. They must have been started after it was opened. */
export class Profiler implements WindowProfiler {
  readonly #directory: string;
  readonly #links: LinkServer;
  readonly #own = new Recorder();
  readonly #environment: NodeJS.ProcessEnv;
  readonly #recorded: Recorded[] = [];
  #windows = 0;

  private constructor(directory: string, links: LinkServer, environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    this.#directory = directory;
    this.#links = links;
  }

  /** Makes the directory. Throws `CliError` where something is in it. */
  static async open(directory: string): Promise<Profiler> {
    await mkdir(directory, { recursive: true });
    if ((await readdir(directory)).length > 0) {
      throw usageError(`${directory} is not empty; name a new directory for the profiles`);
    }
    const links = await LinkServer.listen();
    const before = { ...process.env };
    const { NODE_OPTIONS: options = '' } = before;
    // Processes inherit both.
    process.env[optionsVariable] = `${options} --import ${preloadUrl()}`.trim();
    process.env[socketVariable] = links.path;
    return new Profiler(resolve(directory), links, before);
  }

  async during<Result>(
    system: string,
    processes: readonly ProfiledProcess[],
    measured: () => Promise<Result>,
  ): Promise<Result> {
    const folder = join(this.#directory, fileName(system));
    await mkdir(folder, { recursive: true });
    this.#windows += 1;
    const fileOf = (name: string) => join(folder, `${name}-${this.#windows}.cpuprofile`);
    const running = processes.flatMap(({ name, role, pid }) =>
      pid === undefined ? [] : [{ pid, system, role, file: fileOf(name) }],
    );
    await Promise.all(running.map(({ pid }) => this.#links.command(pid, { kind: 'start' })));
    await this.#own.start();
    const result = await measured();
    const own = { system, role: ownRole, file: fileOf('clients') };
    await this.#own.stop(own.file);
    await Promise.all(
      running.map(({ pid, file }) => this.#links.command(pid, { kind: 'stop', file })),
    );
    this.#recorded.push(own, ...running);
    return result;
  }

  /** Writes, for each system and role, a flame graph and the functions that take most. Gives the pages. */
  async writeGraphs(): Promise<string[]> {
    const merged = new Map<string, Merged>();
    for (const { system, role, file } of this.#recorded) {
      const title = `${system}, ${role}`;
      const path = join(this.#directory, fileName(system), fileName(role));
      const one = merged.get(title) ?? { path, profile: new MergedProfile() };
      merged.set(title, one);
      one.profile.add(profileOf(await readFile(file, 'utf8')));
    }
    const pages: string[] = [];
    for (const [title, { path, profile }] of merged) {
      await writeFile(`${path}.txt`, hottestText(title, profile));
      await writeFile(`${path}.html`, await flamePage(title, profile));
      pages.push(`${path}.html`);
    }
    return pages;
  }

  async close(): Promise<void> {
    for (const name of [optionsVariable, socketVariable]) {
      const value = this.#environment[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await this.#links.close();
  }
}

/** The option of a benchmark that can be profiled. */
export function profileOption(): Option {
  return new Option(
    '--profile <dir>',
    'write CPU profiles of what is measured and a flame graph for each role; figures are worse then',
  );
}

/** Runs with a profiler where there is a directory for it, and writes the graphs at the end. */
export async function withProfiler<Result>(
  directory: string | undefined,
  context: RunContext,
  run: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  if (directory === undefined) return run(context);
  const profiler = await Profiler.open(directory);
  try {
    const result = await run({ ...context, profiler });
    for (const page of await profiler.writeGraphs()) context.progress(`flame graph: ${page}`);
    return result;
  } finally {
    await profiler.close();
  }
}

/** Names of systems have spaces. */
function fileName(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, '-');
}

/** Compiled, also where this module runs from its source. */
function preloadUrl(): string {
  const here = import.meta.url;
  const path = here.endsWith('.ts')
    ? '../../../dist/bench/support/profile/preload.js'
    : './preload.js';
  return new URL(path, here).href;
}
