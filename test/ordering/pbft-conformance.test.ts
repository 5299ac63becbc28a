import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { engineConformance } from './conformance.js';

engineConformance('pbft', (options, machine) => new PbftEngine(options, machine));
