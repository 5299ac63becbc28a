import { engineNames } from '../simulated/cluster.js';
import { ratioOf } from '../simulated/compare.js';
import { comparedTable } from '../simulated/table.js';
import { textTable } from '../support/text-table.js';
import { type SimulatedResults, usualPoints } from './simulated.js';

export function simulatedText(results: SimulatedResults): string {
  const { points, pipelining, messageDelays } = results;
  const delays = engineNames.map((engine) => {
    const { together, aloneAtFirst, aloneAtSecond } = messageDelays[engine];
    return [engine, together, aloneAtFirst, aloneAtSecond];
  });
  const ratios = usualPoints(results).map((one) => {
    const { antipaxos, pbft, ratio } = ratioOf(one);
    return [one.n, Math.round(antipaxos), Math.round(pbft), ratio.toFixed(1)];
  });
  return [
    'Message delays to the execution of a request, by the clock of the model with no costs',
    textTable(['engine', 'all propose', 'one does, replica 0', 'one does, replica 1'], delays, 1),
    'Simulated peak throughput, requests of 500 bytes, a request a second',
    textTable(['n', 'antipaxos', 'pbft', 'ratio'], ratios, 1),
    'The same in all settings',
    comparedTable(points),
    `Over seven regions ten cycles at once do ${pipelining.ratio.toFixed(1)} times what one does: ` +
      `${Math.round(pipelining.depth10)} against ${Math.round(pipelining.depth1)} requests a second.`,
  ].join('\n');
}
