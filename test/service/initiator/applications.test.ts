import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/kernel/config/config-error.js';
import { loadInitiatorApplications } from '../../../src/service/initiator/applications.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';

/** Loads a module with this text as the application `travel`. */
async function load(text: string, name = 'travel') {
  const path = join(await temporaryDirectory(), 'travel.mjs');
  await writeFile(path, text);
  return loadInitiatorApplications('initiator-0', { [name]: path });
}

const book = '*book() { return { kind: "commit", result: null }; }';
const application = (parts: string) => `export const application = { ${parts} };`;

describe('the applications of an initiator', () => {
  it('are loaded from the modules that its file names', async () => {
    const loaded = await load(application(`name: 'travel', callsMax: 64, procedures: { ${book} }`));
    expect([...loaded.keys()]).toEqual(['travel']);
    const procedure = expect.any(Function);
    expect(loaded.get('travel')).toEqual({
      name: 'travel',
      callsMax: 64,
      procedures: { book: procedure },
    });
    expect((await loadInitiatorApplications('initiator-0', {})).size).toBe(0);
  });

  const wrong: [string, string, RegExp][] = [
    ['no export', 'export const other = 1;', /export application /],
    ['a default export', 'export default { name: "travel" };', /export application /],
    ['no name', application(`procedures: { ${book} }`), /application\.name/],
    ['no procedures', application("name: 'travel'"), /application\.procedures/],
    [
      'a procedure that is none',
      application("name: 'travel', procedures: { book: 7 }"),
      /procedures\.book must be a generator/,
    ],
    [
      'an asynchronous procedure',
      application("name: 'travel', procedures: { async *book() {} }"),
      /not asynchronous/,
    ],
    [
      'a procedure that is promised',
      application("name: 'travel', procedures: { async book() {} }"),
      /not asynchronous/,
    ],
    [
      'no calls',
      application(`name: 'travel', callsMax: 0, procedures: { ${book} }`),
      /callsMax must be at least 1/,
    ],
    [
      'too many calls',
      application(`name: 'travel', callsMax: 65, procedures: { ${book} }`),
      /callsMax must be at most 64/,
    ],
    [
      'half a call',
      application(`name: 'travel', callsMax: 1.5, procedures: { ${book} }`),
      /callsMax must be a whole number/,
    ],
    [
      'another name',
      application(`name: 'other', procedures: { ${book} }`),
      /is the application "other"; list it so/,
    ],
    ['a mistake of syntax', 'export const application = {', /does not load/],
    ['a mistake as it loads', 'throw new Error("no licence");', /does not load: no licence/],
  ];
  it.each(wrong)('are refused with %s', async (_, text, message) => {
    const loading = load(text);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow('initiator-0: application "travel"');
  });

  it('are refused with what they export, and what they must', async () => {
    const loading = load('export const other = 1; export const Travel = 2;');
    await expect(loading).rejects.toThrow(
      /travel\.mjs: .*it exports Travel, other, and must export/,
    );
    await expect(load('')).rejects.toThrow('it exports nothing');
    await expect(load('')).rejects.toThrow('"procedures" (generator functions)');
  });

  it('are refused with the remedy where the package is not beside them', async () => {
    // As Node.js throws it; here the package is found everywhere.
    const error = `new Error("Cannot find package 'concordat' imported from /x.mjs")`;
    const loading = load(`throw Object.assign(${error}, { code: 'ERR_MODULE_NOT_FOUND' });`);
    await expect(loading).rejects.toThrow(/does not load: .*run "npm install \/.*" in its folder/);
  });

  it('are refused where there is no such file', async () => {
    const loading = loadInitiatorApplications('initiator-0', { travel: '/nowhere/travel.mjs' });
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.toThrow('/nowhere/travel.mjs: no such file; correct the path');
  });
});
