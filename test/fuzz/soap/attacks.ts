import type { Attack } from '../attack.js';
import { addressAttacks } from './addresses.js';
import { documentAttacks } from './documents.js';
import { eavesdropperAttacks } from './eavesdropper.js';
import { frontAttacks } from './front.js';
import { heaviestAttacks } from './heaviest.js';
import { insiderAttacks } from './insiders.js';
import type { Range } from './range.js';
import { strangerAttacks } from './strangers.js';

/** Every attack on what SOAP ports read. */
export function soapAttacks(range: Range): Attack[] {
  return [
    ...documentAttacks(range),
    ...eavesdropperAttacks(range),
    ...strangerAttacks(range),
    ...insiderAttacks(range),
    ...heaviestAttacks(range),
    ...addressAttacks(range),
    ...frontAttacks(range),
  ];
}
