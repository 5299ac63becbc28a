import { BankCore } from '../../../src/banking/bank/bank-core.js';
import { CoordinatorCore } from '../../../src/transaction/coordinator/core/coordinator.js';
import { Initiator } from '../../../src/transaction/initiator/initiator.js';
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
