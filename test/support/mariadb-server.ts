import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createConnection } from 'mariadb';

/** MariaDB's programs, of Debian's package or in the folder `MARIADB_BIN`. */
export const programs = programsOf();

function programsOf(): { readonly server: string; readonly install: string } | undefined {
  const { MARIADB_BIN } = process.env;
  const found = (name: string) =>
    [MARIADB_BIN, '/usr/sbin', '/usr/bin']
      .filter((folder) => folder !== undefined)
      .map((folder) => join(folder, name))
      .find(existsSync);
  const server = found('mariadbd');
  const install = found('mariadb-install-db');
  return server === undefined || install === undefined ? undefined : { server, install };
}

/** A server of its own, which is there for one test file. It listens on a Unix socket in its folder. */
export class MariadbServer {
  readonly folder: string;
  readonly #data: string;
  readonly #server: string;
  #process: ChildProcess | undefined;

  constructor() {
    if (programs === undefined) throw new Error('no MariaDB is installed');
    this.#server = programs.server;
    this.folder = mkdtempSync(join(tmpdir(), 'concordat-maria-'));
    this.#data = join(this.folder, 'data');
    const options = [`--datadir=${this.#data}`, `--user=${userInfo().username}`, '--skip-test-db'];
    execFileSync(
      programs.install,
      ['--no-defaults', ...options, '--auth-root-authentication-method=normal'],
      { stdio: 'ignore' },
    );
  }

  /** Where it is, for a user; through the proxy if so. */
  at(socket = 'server', user = 'root') {
    return { socketPath: join(this.folder, socket), user, database: 'shop' };
  }

  /** Resolves once it answers. Tries again: what a killed server leaves holds the next one off for a moment. */
  async start(...settings: readonly string[]): Promise<void> {
    const values = [
      `--datadir=${this.#data}`,
      `--user=${userInfo().username}`,
      `--socket=${join(this.folder, 'server')}`,
      `--pid-file=${join(this.folder, 'pid')}`,
      '--skip-networking',
      '--innodb-buffer-pool-size=16M',
      ...settings,
    ];
    for (let isUp = false; !isUp; ) {
      const log = openSync(join(this.folder, 'server.log'), 'a');
      this.#process = spawn(this.#server, ['--no-defaults', ...values], {
        cwd: this.folder,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      isUp = await this.#answers(this.#process);
    }
  }

  async #answers(server: ChildProcess): Promise<boolean> {
    while (server.exitCode === null && server.signalCode === null) {
      const isUp = await this.query('CREATE DATABASE IF NOT EXISTS shop', [], 'mysql').then(
        () => true,
        () => false,
      );
      if (isUp) return true;
      await pause(20);
    }
    return false;
  }

  /** SIGKILL unless another signal is given; resolves once the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Runs one statement on a connection of the test's own. */
  async query(
    text: string,
    values: readonly unknown[] = [],
    database = 'shop',
  ): Promise<Record<string, unknown>[]> {
    const connection = await createConnection({ ...this.at(), database });
    try {
      const rows: unknown = await connection.query(text, [...values]);
      return Array.isArray(rows) ? rows : [];
    } finally {
      await connection.end();
    }
  }
}
