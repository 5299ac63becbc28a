import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildNode, endText } from '../../src/cli/local/child-node.js';
import { localHost } from '../../src/cli/local/port-range.js';
import { BenchmarkError } from '../benchmark.js';
import { type Pair, pairs } from './ways.js';

/** The services behind the sidecars. */
export const services: Pair = ['service-a', 'service-b'];

const startTimeoutMs = 60_000;
/** From the first port, which the plain client has: two for each process. */
const portsOfEach = 2;

export interface OthersOptions {
  readonly directory: string;
  /** The first of their ports. */
  readonly firstPort: number;
  readonly clients: number;
  readonly onDied: (error: Error) => void;
}

interface Other {
  readonly child: ChildNode;
  /** Where plain software receives what a coordinator sends. */
  readonly partyPort: number;
}

/** Processes that are no nodes of the cluster: services behind sidecars, and plain participants. */
export class Others {
  readonly #others: ReadonlyMap<string, Other>;
  /** Where the plain client receives what a coordinator sends. */
  readonly plainClientPort: number;

  private constructor(others: ReadonlyMap<string, Other>, plainClientPort: number) {
    this.#others = others;
    this.plainClientPort = plainClientPort;
  }

  /** Starts them. Throws `CliError` where one does not start; then none is left running. */
  static async start(options: OthersOptions): Promise<Others> {
    await mkdir(options.directory, { recursive: true });
    const names = [...services, ...pairs.gateway];
    const others = new Others(
      new Map(names.map((name, index) => [name, otherOf(options, name, index + 1)])),
      options.firstPort,
    );
    try {
      await Promise.all(names.map((name) => others.#start(options, name)));
      return others;
    } catch (error) {
      await others.stop();
      throw error;
    }
  }

  /** Base address. */
  url(name: string): string {
    return this.#other(name).child.url;
  }

  /** `undefined` where there is no such process. */
  pid(name: string): number | undefined {
    return this.#others.get(name)?.child.pid;
  }

  /** The origins of plain software, at which a gateway calls it. */
  get plainOrigins(): string[] {
    const ports = pairs.gateway.map((name) => this.#other(name).partyPort);
    return [this.plainClientPort, ...ports].map(originAt);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#others.values()].map(({ child }) => child.end('SIGTERM')));
  }

  async #start({ directory, clients }: OthersOptions, name: string): Promise<void> {
    const { child, partyPort } = this.#other(name);
    const program = services.includes(name) ? 'account-service' : 'plain-accounts';
    const script = fileURLToPath(new URL(`./nodes/${program}.js`, import.meta.url));
    const { port } = new URL(child.url);
    const args = [script, join(directory, name), port, String(clients), String(partyPort)];
    await child.start(args, startTimeoutMs);
  }

  #other(name: string): Other {
    const other = this.#others.get(name);
    if (other === undefined) throw new RangeError(`no process ${name}`);
    return other;
  }
}

function otherOf({ directory, firstPort, onDied }: OthersOptions, name: string, at: number): Other {
  const port = firstPort + at * portsOfEach;
  const logFile = join(directory, `${name}.log`);
  return {
    partyPort: port + 1,
    child: new ChildNode({
      name,
      url: originAt(port),
      logFile,
      environment: {},
      onDied: (end) => onDied(new BenchmarkError(`${name} ${endText(end)} (see ${logFile})`)),
    }),
  };
}

function originAt(port: number): string {
  return `http://${localHost}:${port}`;
}
