import { textTable } from '../support/text-table.js';
import { engineNames } from './cluster.js';
import type { Compared } from './compare.js';

const head = [
  'n',
  'engine',
  'depth',
  'bytes',
  'signed',
  'requests/s',
  'p50 ms',
  'alone ms',
  'processor',
  'messages',
  'KB sent',
  'signatures',
  'verified',
];

/** One line for each engine and setting; the last four columns are for a request, of all replicas. */
export function comparedTable(all: readonly Compared[]): string {
  const rows = all.flatMap(({ n, depth, requestBytes, clientsSign, engines }) =>
    engineNames.flatMap((engine) => {
      const result = engines[engine];
      if (!result) return [];
      const row = [
        n,
        engine,
        depth,
        requestBytes,
        clientsSign ? 'yes' : 'no',
        Math.round(result.requestsPerSecond),
        result.p50Ms.toFixed(0),
        result.lowLoadMs?.toFixed(1) ?? '',
        `${Math.round(result.processorUse * 100)} %`,
        result.messagesPerRequest.toPrecision(2),
        (result.bytesPerRequest / 1000).toPrecision(2),
        result.signaturesPerRequest.toPrecision(2),
        result.verificationsPerRequest.toPrecision(2),
      ];
      return [row];
    }),
  );
  return textTable(head, rows);
}
