import { createInterface } from 'node:readline';
import type { Cluster } from '../../kernel/cluster.js';
import { SessionClient } from '../../session/client/session-client.js';
import {
  type FinalStatus,
  type Performed,
  SessionError,
  type SessionErrorCode,
} from '../../session/client/session-log.js';
import type { CallResult } from '../../session/types.js';
import { wholeNumberArgument } from '../arguments.js';
import { loadClient } from '../client.js';
import { CliError, type CliErrorCode, type ExitCode, exitCodes, usageError } from '../exit.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultClientFile, noClusterOption } from './command.js';

interface Options {
  readonly client: string;
  readonly home?: string;
  readonly timeout: number;
  readonly json?: boolean;
}

export const addSession: AddCommand = (program, finish) => {
  program
    .command('session')
    .description(
      'do operations in a session: each is answered at once, and ordered when all are in',
    )
    .argument('<application>', 'what the session is for, as the cluster file names it')
    .argument(
      '[payloads...]',
      'the operations, in the application’s language (default: lines of input)',
    )
    .addOption(noClusterOption())
    .option('--client <file>', 'the owner’s private file', defaultClientFile)
    .option('--home <name>', 'the coordinator to begin at (default: any)')
    .option(
      '--timeout <seconds>',
      'when to give up waiting for what is final',
      wholeNumberArgument(1, 3600),
      60,
    )
    .option('--json', 'print what became of each as JSON, once all is final')
    .addHelpText(
      'after',
      `
Prints the likely result of each operation as soon as it is promised, and then what it came to in the
agreed order: committed, changed (committed with another result) or aborted.

Exit status 0 all committed; 1 one was aborted or refused; 3 not all final: some of it may yet be.

Examples:
  concordat session supply-chain '{"do":"scan","package":"p-1"}'
  concordat session banking --home coordinator-2 < transfers.jsonl`,
    )
    .action(async (application: string, payloads: string[], options: Options) => {
      const { node, cluster } = await loadClient(options.client);
      requireApplication(cluster, application);
      requireCoordinator(cluster, options.home);
      const report = new Report(options.json === true);
      const client = new SessionClient({
        cluster,
        node,
        application,
        ...(options.home !== undefined && { home: options.home }),
        onHome: (name, reason) => console.error(`now at ${name}: ${reason}`),
      });
      try {
        report.begin(client.session, client.home);
        const lines = payloads.length > 0 ? payloads : linesOfInput();
        for await (const payload of lines) await report.perform(client, payload);
        await report.end(client, options.timeout * 1000);
        finish(report.finish());
      } catch (error) {
        throw error instanceof SessionError ? cliErrorOf(error) : error;
      } finally {
        client.close();
      }
    });
};

interface Entry {
  readonly sequence: number;
  readonly payload: string;
  readonly provisional: CallResult;
  readonly answeredMs: number;
  final?: {
    readonly kind: FinalStatus['kind'];
    readonly result: CallResult;
    readonly finalMs: number;
  };
}

/** What is printed of a session. */
class Report {
  readonly #asJson: boolean;
  readonly #entries: Entry[] = [];
  readonly #finals: Promise<unknown>[] = [];
  #session = '';

  constructor(asJson: boolean) {
    this.#asJson = asJson;
  }

  begin(session: string, home: string): void {
    this.#session = session;
    this.#line(`session ${session} at ${home}`);
  }

  async perform(client: SessionClient, payload: string): Promise<void> {
    const startedMs = performance.now();
    const performed = await client.call(payload);
    const answeredMs = since(startedMs);
    const { sequence, result } = performed;
    const entry: Entry = { sequence, payload, provisional: result, answeredMs };
    this.#entries.push(entry);
    this.#line(`${sequence}  provisional  ${textOf(result)}  (${answeredMs} ms)`);
    this.#finals.push(this.#await(entry, performed, startedMs));
  }

  /** Throws `CliError` where not all is final in time. */
  async end(client: SessionClient, timeoutMs: number): Promise<void> {
    const { final } = await client.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const open = () => this.#entries.filter((entry) => entry.final === undefined).length;
      timer = setTimeout(() => reject(lateError(open())), timeoutMs);
    });
    try {
      await Promise.race([Promise.all([...this.#finals, final]), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  finish(): ExitCode {
    if (this.#asJson) printJson({ session: this.#session, operations: this.#entries });
    const isAborted = this.#entries.some(({ final }) => final?.kind === 'aborted');
    return isAborted ? exitCodes.failed : exitCodes.ok;
  }

  async #await(entry: Entry, { final }: Performed, startedMs: number): Promise<void> {
    const { kind, result } = await final;
    entry.final = { kind, result, finalMs: since(startedMs) };
    this.#line(
      `${entry.sequence}  ${kind.padEnd(11)}  ${textOf(result)}  (${entry.final.finalMs} ms)`,
    );
  }

  #line(text: string): void {
    if (!this.#asJson) console.log(text);
  }
}

async function* linesOfInput(): AsyncGenerator<string> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') yield line;
  }
}

function requireApplication({ sessions }: Cluster, name: string): void {
  const known = sessions?.applications ?? [];
  if (known.includes(name)) return;
  throw usageError(
    known.length === 0
      ? 'the cluster has no sessions; make one with "concordat init --sessions"'
      : `the cluster has no sessions for "${name}", only for ${known.join(', ')}`,
  );
}

function requireCoordinator({ coordinators }: Cluster, name: string | undefined): void {
  if (name === undefined || coordinators.some((member) => member.name === name)) return;
  const known = coordinators.map((member) => member.name).join(', ');
  throw usageError(`the cluster has no coordinator "${name}", only ${known}`);
}

function textOf(result: CallResult): string {
  return result.kind === 'done' ? `done ${result.result}` : `rejected: ${result.reason}`;
}

/** In milliseconds, to a tenth. */
function since(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}

function lateError(open: number): CliError {
  return new CliError(
    'unreachable',
    `${open} operations are not final yet; they may yet be. See "concordat status"`,
  );
}

const cliCodeOf: Readonly<Record<SessionErrorCode, CliErrorCode>> = {
  refused: 'failed',
  unreachable: 'unreachable',
  closed: 'internal',
};

function cliErrorOf(error: SessionError): CliError {
  return new CliError(cliCodeOf[error.code], error.message, { cause: error });
}
