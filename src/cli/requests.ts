import { InvalidArgumentError } from 'commander';
import type { Cluster } from '../kernel/cluster.js';
import { isHealthy } from '../kernel/http/http-get.js';
import { clientId, oneCorrect } from '../kernel/ids.js';
import type { RequestError, RequestErrorCode, Ticket } from '../service/client/request-error.js';
import { CliError, type CliErrorCode } from './exit.js';

/** Before anything is sent, so that "not running" is reported at once, and as what it is. */
export async function requireInitiators({ initiators, resilience }: Cluster): Promise<void> {
  const healthy = await Promise.all(initiators.map(({ url }) => isHealthy(url)));
  const up = healthy.filter(Boolean).length;
  const needed = oneCorrect(resilience);
  if (up >= needed) return;
  throw new CliError(
    'unreachable',
    `${up} of ${initiators.length} initiators answer and ${needed} must; nothing was sent. ` +
      'Start the cluster ("concordat up") or see "concordat status"',
  );
}

const cliCodeOf: Readonly<Record<RequestErrorCode, CliErrorCode>> = {
  busy: 'failed',
  refused: 'failed',
  'too-old': 'unreachable',
  disagreement: 'unreachable',
  timeout: 'unreachable',
};

export function cliErrorOf(error: RequestError): CliError {
  const { code, message, data, isOpen } = error;
  const { request } = data;
  const how =
    isOpen && request ? `; ask again with --resume ${request.client}@${request.timestamp}` : '';
  return new CliError(cliCodeOf[code], message + how, { cause: error });
}

/** `CLIENT@TIMESTAMP`. */
export function parseRequest(text: string): Ticket {
  const [, client = '', digits = ''] = /^([^@]+)@([0-9]{1,16})$/.exec(text) ?? [];
  const timestamp = Number(digits);
  try {
    if (digits !== '' && Number.isSafeInteger(timestamp)) {
      return { client: clientId(client), timestamp };
    }
  } catch {
    // Reported below.
  }
  throw new InvalidArgumentError('a request is CLIENT@TIMESTAMP, as it was printed.');
}
