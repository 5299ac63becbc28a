import { stockParticipant } from './stock.js';

/** What `concordat run` makes the warehouse of. */
export const participant = stockParticipant('warehouse');
