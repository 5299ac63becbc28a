import { OrderingStage } from './ordering-stage.js';
import { match, type OpenStage, type Stage } from './script.js';
import { SessionStage } from './session-stage.js';
import { TransactionStage } from './transaction-stage.js';

const openings: Readonly<Record<string, (...words: string[]) => Stage>> = {
  '<n> coordinators': (n) => new TransactionStage(Number(n)),
  '<n> coordinators that remember <count> finished transactions': (n, count) =>
    new TransactionStage(Number(n), Number(count)),
  '<n> replicas of Antipaxos': (n) => new OrderingStage('antipaxos', Number(n)),
  '<n> session replicas': (n) => new SessionStage(Number(n)),
  '<n> replicas of FaB': (n) => new OrderingStage('fab', Number(n)),
  '<n> replicas of PBFT': (n) => new OrderingStage('pbft', Number(n)),
};

/** The first command of a script says what cluster it plays in. */
export const openStage: OpenStage = (command) => {
  for (const [pattern, open] of Object.entries(openings)) {
    const words = match(pattern, command);
    if (words) return open(...words);
  }
  throw new SyntaxError(`a script begins with its cluster, not with: ${command}`);
};
