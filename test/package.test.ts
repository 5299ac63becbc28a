import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** What a user gets: the tarball, in a project that has nothing else but the packages it depends on. */
describe('the package', { timeout: 180_000 }, () => {
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'concordat-package-'));
    const packing = ['pack', '--ignore-scripts', '--pack-destination', project];
    const { stdout } = await run('npm', packing, { cwd: root });
    const modules = join(project, 'node_modules');
    await mkdir(modules);
    for (const name of await readdir(join(root, 'node_modules'))) {
      if (!name.startsWith('.'))
        await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    await run('tar', ['-xf', stdout.trim().split('\n').at(-1) ?? ''], { cwd: project });
    await rm(join(modules, 'concordat'), { recursive: true, force: true });
    await cp(join(project, 'package'), join(modules, 'concordat'), { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await cp(join(root, 'examples/own-participant/main.ts'), join(project, 'main.ts'));
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  it.each([
    ['node16', 'node16'],
    ['bundler', 'esnext'],
  ])('has types for programs with moduleResolution %s', async (moduleResolution, module) => {
    const config = {
      compilerOptions: {
        target: 'es2023',
        strict: true,
        types: ['node'],
        outDir: `out-${moduleResolution}`,
        module,
        moduleResolution,
      },
      files: ['main.ts'],
    };
    const file = join(project, `tsconfig.${moduleResolution}.json`);
    await writeFile(file, JSON.stringify(config));
    const { stdout } = await run(process.execPath, [tsc, '-p', file], { cwd: project });
    expect(stdout).toBe('');
  });

  it('has all that its entry points import', async () => {
    const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const names = Object.keys(exports).filter((name) => !name.endsWith('.json'));
    const program = names.map((name) => `import '${name.replace('.', 'concordat')}';`).join('\n');
    await writeFile(join(project, 'entries.js'), program);
    await run(process.execPath, [join(project, 'entries.js')], { cwd: project });
    expect(names).toContain('./postgres');
    expect(names).toContain('./nats');
    expect(names).toContain('./mariadb');
  });

  it('starts a cluster, enlists a participant of one’s own, and commits', async () => {
    const program = join(project, 'out-node16/main.js');
    const { stdout } = await run(process.execPath, [program], { cwd: project });
    expect(stdout).toMatch(/outcome: 'committed',\s+result: { room: 12 }/);
  });
});
