import { type EngineName, engineNames } from '../simulated/cluster.js';
import { ratioOf } from '../simulated/compare.js';
import { comparedTable } from '../simulated/table.js';
import { textTable } from '../support/text-table.js';
import { figuresOf, type ProcessResults, signedText } from './processes/run.js';
import { type SimulatedResults, usualPoints } from './simulated.js';

export function simulatedText(results: SimulatedResults): string {
  const { points, pipelining, messageDelays } = results;
  const delays = engineNames.map((engine) => {
    const { together, aloneAtFirst, aloneAtSecond } = messageDelays[engine];
    return [engine, together, aloneAtFirst, aloneAtSecond];
  });
  const ratios = usualPoints(results).map((one) => {
    const { antipaxos, ezbft, fab, pbft, ratio } = ratioOf(one);
    const figures = [antipaxos, ezbft ?? Number.NaN, fab, pbft];
    return [one.n, ...figures.map(Math.round), ratio.toFixed(1)];
  });
  return [
    'Message delays to the execution of a request, by the clock of the model with no costs',
    textTable(['engine', 'all propose', 'one does, replica 0', 'one does, replica 1'], delays, 1),
    'Simulated peak throughput, requests of 500 bytes, a request a second',
    textTable(['n', 'antipaxos', 'ezbft', 'fab', 'pbft', 'antipaxos to pbft'], ratios, 1),
    'The same in all settings',
    comparedTable(points),
    `Over seven regions ten cycles at once do ${pipelining.ratio.toFixed(1)} times what one does: ` +
      `${Math.round(pipelining.depth10)} against ${Math.round(pipelining.depth1)} requests a second.`,
  ].join('\n');
}

export function processesText({ results, executed, positions, troubles }: ProcessResults): string {
  const head = [
    'clients',
    'engine',
    'bytes',
    'signed',
    'requests/s',
    'ratio',
    'p50 ms',
    'p99 ms',
    'busiest replica us',
    'replicas us',
    'clients us',
    'per processor second',
  ];
  const rows = results.flatMap((result) =>
    Object.entries(result.engines).map(([engine, figures]) => {
      const { clients, requestBytes } = result;
      const perSecond = (name: EngineName) => figuresOf(result, name).requestsPerSecond;
      const ratio = perSecond('antipaxos') / perSecond('pbft');
      return [
        clients,
        engine,
        requestBytes,
        signedText(result),
        Math.round(figures.requestsPerSecond),
        engine === 'antipaxos' ? ratio.toFixed(2) : '',
        figures.p50Ms.toFixed(1),
        figures.p99Ms.toFixed(1),
        figures.busiestUsPerRequest.toFixed(1),
        figures.replicasUsPerRequest.toFixed(1),
        figures.clientsUsPerRequest.toFixed(1),
        Math.round(figures.requestsPerProcessorSecond),
      ];
    }),
  );
  const totals = Object.entries(executed).map(([engine, count]) => {
    return [engine, count, positions[engine] ?? '', troubles[engine] ?? ''];
  });
  return [
    'Four replicas and all clients on this machine; processor time is for a request',
    textTable(head, rows),
    'All replicas executed the same. In troubles are slow cycles, and views after the first',
    textTable(['engine', 'requests executed', 'cycles or batches', 'troubles'], totals, 1),
  ].join('\n');
}
