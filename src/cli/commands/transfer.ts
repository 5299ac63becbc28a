import { TransferClient } from '../../banking/client/transfer-client.js';
import type { Transfer } from '../../banking/soap.js';
import type { RequestResult } from '../../service/client/poll-core.js';
import { RequestError, type Ticket } from '../../service/client/request-error.js';
import { type Account, parseAccount, wholeNumberArgument } from '../arguments.js';
import { loadClient, requireBank } from '../client.js';
import { exitCodes } from '../exit.js';
import { parseAmount, parseCurrency } from '../money.js';
import { printJson } from '../output.js';
import { cliErrorOf, parseRequest, requireInitiators } from '../requests.js';
import { type AddCommand, defaultClientFile, noClusterOption } from './command.js';

interface Options {
  readonly from: Account;
  readonly to: Account;
  readonly amount: string;
  readonly currency: string;
  readonly client: string;
  readonly timeout?: number;
  readonly resume?: Ticket;
  readonly json?: boolean;
}

export const addTransfer: AddCommand = (program, finish) => {
  program
    .command('transfer')
    .description('move money between accounts: signed, sent to all initiators, f + 1 must agree')
    .requiredOption('--from <bank/account>', 'who pays', parseAccount)
    .requiredOption('--to <bank/account>', 'who is paid', parseAccount)
    .requiredOption('--amount <amount>', 'in the currency’s units, such as 12.50')
    .option('--currency <code>', 'ISO 4217', 'EUR')
    .addOption(noClusterOption())
    .option('--client <file>', 'the client’s private file', defaultClientFile)
    .option(
      '--timeout <seconds>',
      'when to give up (default: lifetime of a transaction)',
      wholeNumberArgument(1, 3600),
    )
    .option(
      '--resume <request>',
      'what became of the transfer that was sent under this request; made now if it never arrived',
      parseRequest,
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Exit status 0 committed; 1 aborted or refused; 3 outcome not known: it may have been made. Ask
again with --resume and the request that is printed then, and else the same options: it is the same
transfer, and made once. Copy the request whole: under a mistyped one it is another transfer.

Examples:
  concordat transfer --from bank-a/alice --to bank-b/bob --amount 12.50
  concordat transfer --from bank-a/alice --to bank-b/bob --amount 12.50 --resume alice/17@1795934400000000`,
    )
    .action(async (options: Options) => {
      const code = parseCurrency(options.currency);
      const amountMinor = parseAmount(options.amount, code);
      const { node, cluster } = await loadClient(options.client);
      const order: Transfer = {
        debtor: options.from,
        creditors: [{ ...options.to, amountMinor }],
        currency: code,
      };
      for (const { bank } of [order.debtor, ...order.creditors]) requireBank(cluster, bank);
      await requireInitiators(cluster);
      const { timeout, json = false } = options;
      const timeoutMs = timeout === undefined ? cluster.timing.defaultExpiresMs : timeout * 1000;
      const startedMs = performance.now();
      const client = new TransferClient({ cluster, node });
      try {
        const { resume } = options;
        const result = await (resume === undefined
          ? client.transfer(order, { timeoutMs })
          : client.ask(resume, order, { timeoutMs }));
        const durationMs = Math.round(performance.now() - startedMs);
        if (json) printJson({ ...result, durationMs });
        else console.log(resultText(result, `${options.amount} ${code}`, durationMs));
        finish(result.outcome === 'committed' ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        throw error instanceof RequestError ? cliErrorOf(error) : error;
      } finally {
        await client.close();
      }
    });
};

function resultText(
  { transactionId, outcome, reason }: RequestResult,
  amount: string,
  durationMs: number,
): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  return `${outcome} ${transactionId} (${amount}, ${durationMs} ms)${why}`;
}
