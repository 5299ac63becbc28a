import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadApplications } from '../../../src/session/node/applications.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';

const good = `{ name: 'shop', simulate() {}, apply() {}, interferes() { return true; } }`;

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

async function moduleWith(text: string): Promise<string> {
  await mkdir(join(directory, 'shop'));
  const path = join(directory, 'shop', 'application.mjs');
  await writeFile(path, text);
  return path;
}

const load = (applications?: Record<string, string>) =>
  loadApplications(['shop'], { name: 'coordinator-0', applications });

describe('loadApplications', () => {
  it('loads a module, with its pages', async () => {
    const path = await moduleWith(
      `export default { application: ${good}, pages: new URL('pages/', import.meta.url) };`,
    );
    const [loaded] = await load({ shop: path });
    expect(loaded?.application.name).toBe('shop');
    expect(loaded?.pages?.pathname).toBe(join(directory, 'shop', 'pages/'));
  });

  it.each([
    [
      'no default export',
      `export const application = ${good};`,
      /export default .*export as default/,
    ],
    [
      'a part that is missing',
      'export default { application: { name: "shop" } };',
      /default\.appli/,
    ],
    [
      'another application',
      `export default { application: ${good.replace('shop', 'x')} };`,
      /list it/,
    ],
    [
      'a page on the web',
      `export default { application: ${good}, pages: new URL('http://x/') };`,
      /file:/,
    ],
    ['a module that throws', 'throw new Error("no licence");', /does not load: no licence/],
  ])('says what is wrong with %s', async (_, text, message) => {
    const path = await moduleWith(text);
    const error = await load({ shop: path }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ConfigError', message: expect.stringMatching(message) });
    expect(error).toMatchObject({
      message: expect.stringContaining(`coordinator-0: application "shop": ${path}`),
    });
  });

  it('says what to do about one that is not listed, not built in, or not there', async () => {
    await expect(load()).rejects.toThrow(/"applications" has no "shop".*add "shop" with the path/);
    await expect(load({ shop: 'shop' })).rejects.toThrow(/"shop" is not built in/);
    await expect(load({ shop: join(directory, 'no.js') })).rejects.toThrow(/no such file/);
  });
});
