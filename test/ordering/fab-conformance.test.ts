import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { engineConformance } from './conformance.js';

engineConformance('fab', (options, machine) => new FabEngine(options, machine));
