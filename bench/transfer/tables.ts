import { textTable as table } from '../support/text-table.js';
import { type Comparison, fewTransfersWarning, type Summary } from './results.js';
import type { Report } from './run.js';
import { systemNames } from './system.js';

/** The report for people. */
export function reportText(report: Report): string {
  const { machine, settings, transfers, viewChanges } = report;
  return [
    'Latency by the number of participants, one client (Zhao, figure 5a), ms',
    latencyTable(report.byParticipants),
    'Throughput by the number of clients, two participants (Zhao, figure 5b)',
    throughputTable(report.byClients),
    ...fewTransfersWarning(
      [...report.byClients, ...report.byParticipants].flatMap(({ bft, unreplicated }) => [
        bft,
        unreplicated,
      ]),
    ),
    'Processor time a transfer of each process at its best number of clients, ms',
    processTable(report),
    `Medians of ${settings.rounds} rounds, windows of ${settings.seconds} s. ` +
      `${transfers.bft} + ${transfers.unreplicated} transfers, all committed; money conserved; ` +
      `${viewChanges} view changes.`,
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, ` +
      `Node ${machine.node}; load before: ${machine.loadBefore}.`,
  ].join('\n');
}

function latencyTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    systemNames.map((system) => {
      const { participants, meanMs, p50Ms, p99Ms, activationMs, twoPhaseCommitMs } =
        comparison[system];
      return [
        participants,
        system,
        ...[meanMs, p50Ms, p99Ms, activationMs, twoPhaseCommitMs].map(short),
      ];
    }),
  );
  const head = ['participants', 'system', 'mean', 'p50', 'p99', 'activation', '2PC'];
  return table(head, rows);
}

function throughputTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    systemNames.map((system) => {
      const summary = comparison[system];
      return [
        summary.clients,
        system,
        summary.transfersPerWindow,
        short(summary.transfersPerSecond),
        short(summary.p50Ms),
        short(summary.p99Ms),
        short(summary.cpuMsPerTransfer),
        `${short(summary.busiestProcessCpuMsPerTransfer)} ${summary.busiestProcess}`,
        short(summary.clientCpuMsPerTransfer),
        coresUsed(summary).toFixed(2),
      ];
    }),
  );
  const head = [
    'clients',
    'system',
    'in a window',
    'transfers/s',
    'p50 ms',
    'p99 ms',
    'nodes CPU ms',
  ];
  return table([...head, 'busiest CPU ms', 'clients CPU ms', 'cores used'], rows);
}

function processTable({ bft, unreplicated }: Report): string {
  const names = Object.keys(bft.cpuMsPerTransferByNode);
  const cell = (value: number | undefined) => (value === undefined ? '' : value.toFixed(2));
  const rows = names.map((name) => [
    name,
    cell(bft.cpuMsPerTransferByNode[name]),
    cell(unreplicated.cpuMsPerTransferByNode[name]),
  ]);
  return table(
    ['process', `bft, ${bft.clients} clients`, `unreplicated, ${unreplicated.clients} clients`],
    [
      ...rows,
      ['all nodes', cell(bft.cpuMsPerTransfer), cell(unreplicated.cpuMsPerTransfer)],
      [
        'clients (the benchmark)',
        cell(bft.clientCpuMsPerTransfer),
        cell(unreplicated.clientCpuMsPerTransfer),
      ],
    ],
  );
}

/** Cores that nodes and clients kept busy together, on average. */
function coresUsed(summary: Summary): number {
  const cpuMs = summary.cpuMsPerTransfer + summary.clientCpuMsPerTransfer;
  return (cpuMs * summary.transfersPerSecond) / 1000;
}

function short(value: number): string {
  return value.toFixed(1);
}
