import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WsdlName } from '../../src/soap/wsdl.js';

/** Every WSDL of the package, so that a new one is tested without being named. */
export const wsdlNames: readonly WsdlName[] = readdirSync(join(import.meta.dirname, '../../wsdl'))
  .filter((name) => name.endsWith('.wsdl'))
  .map((name) => name.slice(0, -'.wsdl'.length) as WsdlName);
