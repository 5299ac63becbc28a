import { ProgramError } from '../programs.js';
import { svcutilBreaches } from '../svcutil-rules.js';
import { here, type Stack } from './stack.js';

/** .NET's svcutil is not run: its rules are checked. */
export const svcutil: Stack = {
  id: 'svcutil',
  title: 'svcutil (.NET), by its rules',
  generates: 'nothing: rules are checked',
  look: async () => here('not run'),
  async generate(wsdlUrl) {
    // The rules look at schemas, too, so they take the form that has them inside.
    const response = await fetch(wsdlUrl.replace(/\?wsdl$/, '?singleWsdl'));
    if (!response.ok) throw new ProgramError(`HTTP ${response.status}`);
    const breaches = svcutilBreaches(await response.text());
    if (breaches.length > 0) throw new ProgramError(breaches.join('; '));
  },
};
