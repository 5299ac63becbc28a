import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StartService } from '../../../src/api/test-cluster.js';
import { eventually } from './eventually.js';

const dist = join(import.meta.dirname, '../../../dist/src');

/** The address of what the package exports by this name, for a module of a process. */
export const kitOf = (name: string) => pathToFileURL(join(dist, `api/${name}.js`));

/** A participant whose module is written by a test, in a process of its own that `concordat run` starts. */
export class ServiceProcess {
  readonly #directory: string;
  readonly #moduleText: string;
  #child: ChildProcess | undefined;

  constructor(directory: string, moduleText: string) {
    this.#directory = directory;
    this.#moduleText = moduleText;
  }

  get isKilled(): boolean {
    return this.#child?.signalCode === 'SIGKILL';
  }

  readonly start: StartService = async ({ node, cluster }) => {
    const file = join(dirname(node.clusterFile), 'nodes', `${node.name}.json`);
    const path = join(this.#directory, `${node.name}.mjs`);
    await writeFile(path, this.#moduleText);
    const content = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...content, service: path }));
    const running = spawn(process.execPath, [join(dist, 'cli/main.js'), 'run', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = running;
    let written = '';
    for (const stream of [running.stdout, running.stderr]) {
      stream.on('data', (data) => {
        written += String(data);
      });
    }
    await eventually('it runs', () => written.includes('"msg":"started"'));
    const url = cluster.participants.find(({ name }) => name === node.name)?.url ?? '';
    const stop = async () => {
      if (running.exitCode !== null || running.signalCode !== null) return;
      running.kill('SIGTERM');
      await once(running, 'close');
    };
    return { url, stop };
  };
}
