import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { engineConformance } from './conformance.js';

engineConformance(
  'antipaxos, deciding by fab',
  (options, machine) =>
    new AntipaxosEngine(
      { ...options, exclusion: 'S1', timeoutMaxMs: 2000, decisionsBy: 'fab' },
      machine,
    ),
);

engineConformance(
  'antipaxos',
  (options, machine) =>
    new AntipaxosEngine({ ...options, exclusion: 'S1', timeoutMaxMs: 2000 }, machine),
);
