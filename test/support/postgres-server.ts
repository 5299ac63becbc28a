import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** The folder of PostgreSQL's programs: the newest that Debian's packages have brought, or of `POSTGRES_BIN`. */
export const binaries = binariesOf();

function binariesOf(): string | undefined {
  const versions = '/usr/lib/postgresql';
  const { POSTGRES_BIN } = process.env;
  const found = existsSync(versions)
    ? readdirSync(versions).sort((a, b) => Number(b) - Number(a))
    : [];
  return [POSTGRES_BIN, ...found.map((version) => join(versions, version, 'bin'))]
    .filter((folder) => folder !== undefined)
    .find((folder) => existsSync(join(folder, 'initdb')));
}

export interface PostgresServerOptions {
  /** Of its socket; 5432 unless given. */
  readonly port?: number;
  /** In a process group of its own, which Ctrl-C does not reach. */
  readonly detached?: boolean;
}

/**
 * A server of its own, which is there for one test file. It listens on a Unix socket in its folder, where it also writes
 * `server.log`.
 */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #detached: boolean;
  readonly #data: string;
  readonly #user: { uid: number; gid: number } | undefined;
  readonly #binaries: string;
  #process: ChildProcess | undefined;

  constructor({ port = 5432, detached = false }: PostgresServerOptions = {}) {
    this.port = port;
    this.#detached = detached;
    if (binaries === undefined) throw new Error('no PostgreSQL is installed');
    this.#binaries = binaries;
    this.folder = mkdtempSync(join(tmpdir(), 'concordat-pg-'));
    this.#data = join(this.folder, 'data');
    this.#user = unprivileged();
    if (this.#user) chownSync(this.folder, this.#user.uid, this.#user.gid);
    const options = ['-D', this.#data, '-U', 'owner', '-A', 'trust', '--no-sync', '-E', 'UTF8'];
    execFileSync(join(binaries, 'initdb'), options, {
      ...this.#user,
      cwd: this.folder,
      stdio: 'ignore',
    });
  }

  /** The Unix socket that stands for a port. */
  socket(port = this.port): string {
    return join(this.folder, `.s.PGSQL.${port}`);
  }

  /** Where it is, for a role; through the proxy if so. */
  at(port = this.port, user = 'owner') {
    return { host: this.folder, port, user, database: 'postgres' };
  }

  /** Resolves once it answers. Tries again: what a killed server leaves holds the next one off for a moment. */
  async start(...settings: readonly string[]): Promise<void> {
    const values = [
      `port=${this.port}`,
      'listen_addresses=',
      `unix_socket_directories=${this.folder}`,
      'max_prepared_transactions=20',
      'max_connections=40',
      'autovacuum=off',
      ...settings,
    ];
    for (let isUp = false; !isUp; ) {
      this.#process = this.#spawn(values);
      isUp = await this.#answers(this.#process);
    }
  }

  #spawn(settings: readonly string[]): ChildProcess {
    const log = openSync(join(this.folder, 'server.log'), 'a');
    const server = spawn(
      join(this.#binaries, 'postgres'),
      ['-D', this.#data, ...settings.flatMap((value) => ['-c', value])],
      {
        ...this.#user,
        cwd: this.folder,
        stdio: ['ignore', log, log],
        detached: this.#detached,
      },
    );
    closeSync(log);
    return server;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && isAlive(this.#process);
  }

  async #answers(server: ChildProcess): Promise<boolean> {
    while (isAlive(server)) {
      const isUp = await this.query('SELECT 1').then(
        () => true,
        () => false,
      );
      if (isUp) return true;
      await pause(20);
    }
    return false;
  }

  /** Of the process that all others of the server are children of; `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** SIGKILL unless another signal is given; resolves once the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || !isAlive(server)) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
  }

  /** SIGKILL to the server and to every process that it has started, at one moment. */
  async killAll(): Promise<void> {
    // It does not see its processes die, and starts no other ones.
    this.#process?.kill('SIGSTOP');
    for (const pid of this.processes()) endProcess(pid);
    await this.kill();
  }

  /** The processes that the server has started: one for each connection, and its own. */
  processes(): readonly number[] {
    const { pid } = this.#process ?? {};
    if (pid === undefined) return [];
    const children = `/proc/${pid}/task/${pid}/children`;
    return existsSync(children)
      ? readFileSync(children, 'utf8').trim().split(' ').filter(Boolean).map(Number)
      : [];
  }

  async remove(): Promise<void> {
    await this.kill('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Runs statements on a connection of the test's own. */
  async query(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new pg.Client(this.at());
    client.on('error', () => {});
    await client.connect();
    try {
      const { rows } = await client.query(text, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** SIGKILL. False where it is gone already. */
export function endProcess(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** The server refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string) =>
    Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The server's message with the number of its process (BackendKeyData), with another number, as poolers do. */
export function renumbered(bytes: Buffer): Buffer {
  const at = bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
  if (at >= 0) bytes.writeUInt32BE(bytes.readUInt32BE(at + 5) + 1, at + 5);
  return bytes;
}

/** The server's messages up to its first ReadyForQuery, and after it that the server stops. */
export function stopped(bytes: Buffer): Buffer {
  if (bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12])) < 0) return bytes;
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mthe server stops\0\0');
  const head = Buffer.from([0x45, 0, 0, 0, fields.length + 4]);
  return Buffer.concat([bytes, head, fields]);
}
