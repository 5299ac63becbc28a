import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { engineConformance } from '../conformance.js';

engineConformance('ezbft', (options, machine) => new EzbftEngine(options, machine));
