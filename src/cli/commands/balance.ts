import { TransferClient } from '../../banking/client/transfer-client.js';
import { ReceivedFault } from '../../soap/client.js';
import { SoapTransportError } from '../../soap/transport.js';
import { type Account, parseAccount } from '../arguments.js';
import { loadClient, requireBank } from '../client.js';
import { CliError } from '../exit.js';
import { formatAmount } from '../money.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultClientFile } from './command.js';

interface Options {
  readonly client: string;
  readonly json?: boolean;
}

export const addBalance: AddCommand = (program) => {
  program
    .command('balance')
    .description('ask a bank for the balance of an account')
    .argument('<bank/account>', 'such as bank-a/alice', parseAccount)
    .option('--client <file>', 'the client’s private file', defaultClientFile)
    .option('--json', 'print it as JSON, in minor units')
    .addHelpText(
      'after',
      `
Example:
  concordat balance bank-a/alice`,
    )
    .action(async ({ bank, account }: Account, { client: file, json = false }: Options) => {
      const { node, cluster } = await loadClient(file);
      requireBank(cluster, bank);
      const client = new TransferClient({ cluster, node });
      try {
        const { amountMinor, currency } = await client.getBalance(bank, account);
        if (json) printJson({ bank, account, amountMinor, currency });
        else console.log(`${formatAmount(amountMinor, currency)} ${currency}`);
      } catch (error) {
        throw cliErrorOf(error, bank);
      } finally {
        await client.close();
      }
    });
};

function cliErrorOf(error: unknown, bank: string): unknown {
  if (error instanceof ReceivedFault) {
    const message = `${bank} refuses: ${error.data.reason}`;
    return new CliError('failed', message, { cause: error });
  }
  if (error instanceof SoapTransportError && error.data.status === 404) {
    return new CliError('failed', `${bank} keeps no accounts: it is not a bank`, { cause: error });
  }
  if (error instanceof SoapTransportError) {
    const message = `no answer from ${bank}; see "concordat status" (${error.message})`;
    return new CliError('unreachable', message, { cause: error });
  }
  return error;
}
