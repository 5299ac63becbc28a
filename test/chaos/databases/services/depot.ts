import { stockParticipant } from './stock.js';

/** What `concordat run` makes the depot of. */
export const participant = stockParticipant('depot');
