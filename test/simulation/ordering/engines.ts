import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import type { AntipaxosOptions } from '../../../src/ordering/core/antipaxos/state.js';
import type { OrderingEngine, StateMachine } from '../../../src/ordering/core/engine.js';
import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { FabEngine } from '../../../src/ordering/core/fab/engine.js';
import { PbftEngine } from '../../../src/ordering/core/pbft/engine.js';
import type { OrderingPlan } from './plan.js';

export type EngineFactory = (options: AntipaxosOptions, machine: StateMachine) => OrderingEngine;

/** The engines as they are, or what a test puts in their place to see it caught. */
export const productionEngines: Record<OrderingPlan['engine'], EngineFactory> = {
  antipaxos: (options, machine) => new AntipaxosEngine(options, machine),
  ezbft: (options, machine) => new EzbftEngine(options, machine),
  fab: (options, machine) => new FabEngine(options, machine),
  pbft: (options, machine) => new PbftEngine(options, machine),
};
