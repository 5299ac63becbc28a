import { median } from '../../../bench/support/statistics.js';
import { table } from '../../../src/cli/output.js';
import { type FaultKind, faultKinds } from '../faults/fault.js';
import { perSecond, ratioOf } from '../faults/silence.js';
import type { Outage, Tally } from '../faults/tally.js';
import { type ChaosResult, clock } from '../run.js';

/** Milliseconds without a commit. `null` where nothing was measured. */
export interface Unavailability {
  readonly measured: number;
  /** Left out: fewer than two banks were well meanwhile. */
  readonly obstructed: number;
  readonly medianMs: number | null;
  readonly worstMs: number | null;
}

const titles: Record<FaultKind, string> = {
  kill: 'kills (SIGKILL)',
  'disk-loss': 'lost disks',
  pause: 'pauses (SIGSTOP)',
  partition: 'partitions',
  slow: 'slow nodes',
  byzantine: 'Byzantine swaps',
};

export function unavailability({ outages }: Tally, after: Outage['after']): Unavailability {
  const all = outages.filter((outage) => outage.after === after);
  const clear = all.filter(({ obstructed }) => !obstructed);
  const times = clear.flatMap(({ tookMs }) => tookMs ?? []);
  const whole = (value: number) => (times.length === 0 ? null : Math.round(value));
  return {
    measured: times.length,
    obstructed: all.length - clear.length,
    medianMs: whole(median(times)),
    worstMs: whole(Math.max(...times)),
  };
}

/** For programs. */
export function reportObject(result: ChaosResult): object {
  const { tally, tookMs, settledMs, silence, ...rest } = result;
  return {
    ...rest,
    tookMs: Math.round(tookMs),
    settledMs: Math.round(settledMs),
    faults: Object.fromEntries(faultKinds.map((kind) => [kind, countsOf(tally, kind)])),
    silentBank: {
      honestPerSecondWith: rounded(perSecond(silence.with)),
      honestPerSecondWithout: rounded(perSecond(silence.without)),
      ratio: rounded(ratioOf(silence)),
      secondsWith: rounded(silence.with.seconds),
      secondsWithout: rounded(silence.without.seconds),
      transfers: silence.transfers,
    },
    primaryDeaths: tally.primaryDeaths,
    unavailability: {
      afterPrimaryDeath: unavailability(tally, 'primary-death'),
      afterPartition: unavailability(tally, 'heal'),
    },
  };
}

/** For people. */
export function reportText(result: ChaosResult): string {
  const { tally, transfers, proofs, lagging, violations, directory, silence } = result;
  const { committed, aborted, unknown } = transfers;
  return [
    table(
      ['FAULT', 'ALL', 'COORDINATORS', 'INITIATORS', 'BANKS'],
      faultKinds.map((kind) => [
        titles[kind],
        ...Object.values(countsOf(tally, kind)).map((count) => String(count)),
      ]),
    ),
    '',
    `seed ${result.seed}, ${clock(result.tookMs)} min, network: ${result.network}`,
    `view changes: ${result.viewChanges}; deaths of primaries: ${tally.primaryDeaths}`,
    `transfers: ${committed} committed, ${aborted} aborted, ${unknown} unknown to the client`,
    `honest transfers a second: ${figure(perSecond(silence.with))} while one bank is silent, ` +
      `${figure(perSecond(silence.without))} while it answers; ratio ${figure(ratioOf(silence))}`,
    `transfers to the silent bank: ${silence.transfers.committed} committed, ` +
      `${silence.transfers.aborted} aborted, ${silence.transfers.unknown} unknown to its client`,
    `transactions remembered: ${result.retained}; forgotten: ` +
      Object.entries(result.forgotten)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    `unavailable after a primary's death: ${outageText(unavailability(tally, 'primary-death'))}`,
    `unavailable after a partition heals: ${outageText(unavailability(tally, 'heal'))}`,
    `all open work finished ${Math.round(result.settledMs)} ms after the load` +
      (lagging.length === 0 ? '' : `, but ${lagging.join(', ')} had not caught up`),
    `proofs of the last ${proofs.transfers} transfers: ${proofs.verified} verified, ` +
      `${proofs.absent} absent; ${proofs.forgotten} transfers forgotten everywhere`,
    ...violations.map(({ rule, what }) => `VIOLATION of ${rule}: ${what}`),
    ...(directory === undefined ? [] : [`logs, answers and stores: ${directory}`]),
    '',
    `chaos: ${tally.total('kill')} kills, ${tally.total('partition')} partitions, ` +
      `${violations.length} violations`,
  ].join('\n');
}

function countsOf(tally: Tally, kind: FaultKind) {
  return {
    all: tally.total(kind),
    coordinators: tally.of(kind, 'coordinators'),
    initiators: tally.of(kind, 'initiators'),
    banks: tally.of(kind, 'banks'),
  };
}

function rounded(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Math.round(value * 1000) / 1000;
}

function figure(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '-' : value.toFixed(2);
}

function outageText({ measured, obstructed, medianMs, worstMs }: Unavailability): string {
  const left = obstructed === 0 ? '' : `; ${obstructed} more while too few banks were up`;
  return `median ${seconds(medianMs)}, worst ${seconds(worstMs)} (${measured} measured${left})`;
}

function seconds(ms: number | null): string {
  return ms === null ? '-' : `${(ms / 1000).toFixed(2)} s`;
}
