import { CoordinatorCore } from '../../src/core/transaction/coordinator.js';
import { Initiator } from '../../src/core/transaction/initiator.js';
import { BankCore } from '../../src/role/bank/bank-core.js';
import type { BankFactory } from '../parties/bank.js';
import type { CoordinatorFactory } from '../parties/coordinator.js';
import type { InitiatorFactory } from '../parties/initiator.js';

/** The production cores, or what a test puts in their place to see it caught. */
export interface Cores {
  readonly coordinator: CoordinatorFactory;
  readonly initiator: InitiatorFactory;
  readonly bank: BankFactory;
}

export const productionCores: Cores = {
  coordinator: (options) => new CoordinatorCore(options),
  initiator: (options) => new Initiator(options),
  bank: (options, accounts) => new BankCore(options, accounts),
};
