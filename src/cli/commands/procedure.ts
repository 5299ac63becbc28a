import { InvalidArgumentError } from 'commander';
import {
  type Permit,
  ProcedureClient,
  type ProcedureOrder,
  type ProcedureResult,
} from '../../service/client/procedure-client.js';
import { RequestError, type Ticket } from '../../service/client/request-error.js';
import { type Json, parseJson, payloadBytesMax } from '../../service/json.js';
import { wholeNumberArgument } from '../arguments.js';
import { loadClient } from '../client.js';
import { exitCodes } from '../exit.js';
import { printJson } from '../output.js';
import { cliErrorOf, parseRequest, requireInitiators } from '../requests.js';
import { type AddCommand, defaultClientFile, noClusterOption } from './command.js';

interface Options {
  readonly permit: readonly Permit[];
  readonly client: string;
  readonly timeout?: number;
  readonly resume?: Ticket;
  readonly json?: boolean;
}

export const addProcedure: AddCommand = (program, finish) => {
  program
    .command('procedure')
    .description('have a procedure of an application run at the initiators, as one transaction')
    .argument('<application>', 'as the initiators’ files name it')
    .argument('<procedure>', 'one of its procedures')
    .argument('[payload]', 'what it receives, as JSON', parsePayload, null)
    .option(
      '--permit <call>',
      'a call that it may make in your name, PARTICIPANT/OPERATION=JSON; may be given again',
      addPermit,
      [],
    )
    .addOption(noClusterOption())
    .option('--client <file>', 'the client’s private file', defaultClientFile)
    .option(
      '--timeout <seconds>',
      'when to give up (default: lifetime of a transaction)',
      wholeNumberArgument(1, 3600),
    )
    .option(
      '--resume <request>',
      'what became of the procedure that was asked for under this request; run now if it never arrived',
      parseRequest,
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit status 0 committed; 1 aborted or refused; 3 outcome not known: it may have been done. Ask
again with --resume and the request that is printed then, and else the same arguments: it is the
same transaction, and done once.

Examples:
  concordat procedure travel book '{"nights":2}'
  concordat procedure travel book '{"nights":2}' \\
    --permit 'bank-a/debit={"account":"alice","amountMinor":24000,"currency":"EUR"}'`,
    )
    .action(async (application: string, procedure: string, payload: Json, options: Options) => {
      const { node, cluster } = await loadClient(options.client);
      await requireInitiators(cluster);
      const { permit: permits, timeout, resume, json = false } = options;
      const timeoutMs = timeout === undefined ? cluster.timing.defaultExpiresMs : timeout * 1000;
      const order: ProcedureOrder = { application, procedure, payload, permits };
      const client = new ProcedureClient({ cluster, node });
      try {
        const result = await (resume === undefined
          ? client.run(order, { timeoutMs })
          : client.ask(resume, order, { timeoutMs }));
        if (json) printJson(result);
        else console.log(resultText(result));
        finish(result.outcome === 'committed' ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        throw error instanceof RequestError ? cliErrorOf(error) : error;
      } finally {
        await client.close();
      }
    });
};

function resultText({ transactionId, outcome, reason, result }: ProcedureResult): string {
  const what = reason ?? (result === undefined ? undefined : JSON.stringify(result));
  return `${outcome} ${transactionId}${what === undefined ? '' : `: ${what}`}`;
}

function parsePayload(text: string): Json {
  try {
    return parseJson(text, payloadBytesMax);
  } catch (error) {
    throw new InvalidArgumentError(`${error instanceof Error ? error.message : error}: ${text}`);
  }
}

function addPermit(text: string, before: readonly Permit[]): readonly Permit[] {
  const [, participant, operation, payload] = /^([^/=]+)[/]([^/=]+)=(.*)$/s.exec(text) ?? [];
  if (participant === undefined || operation === undefined || payload === undefined) {
    throw new InvalidArgumentError('Write PARTICIPANT/OPERATION=JSON.');
  }
  return [...before, { participant, operation, payload: parsePayload(payload) }];
}
