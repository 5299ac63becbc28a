import { PbftEngine } from '../../../src/core/ordering/pbft/engine.js';
import { engineConformance } from './conformance.js';

engineConformance('pbft', (options, machine) => new PbftEngine(options, machine));
