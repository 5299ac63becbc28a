// Makes the reference of what the package exports, one page an entry point, from the docstrings. Compares it with docs/api;
// `--write` writes it anew.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const pages = join(root, 'docs/api');
const made = join(root, 'dist/api-reference');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryPoints = Object.values(exports)
  .filter((entry) => typeof entry !== 'string')
  .map(({ types }) => join(root, types.replace('/dist/', '/').replace(/[.]d[.]ts$/, '.ts')));
const isWriting = process.argv.includes('--write');

const packageName = (name) => (name === 'index' ? 'concordat' : `concordat/${name}`);

rmSync(made, { recursive: true, force: true });
const app = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown'],
  entryPoints,
  out: made,
  tsconfig: join(root, 'tsconfig.json'),
  // `npm run check` compiles what is read here.
  skipErrorChecking: true,
  logLevel: 'Error',
  readme: 'none',
  name: 'concordat',
  disableSources: true,
  disableGit: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  sort: ['alphabetical'],
  router: 'module',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  typeDeclarationVisibility: 'compact',
  tableColumnSettings: {
    hideDefaults: true,
    hideInherited: true,
    hideModifiers: true,
    hideOverrides: true,
  },
  pageTitleTemplates: { module: ({ name }) => packageName(name) },
});
const project = await app.convert();
if (project === undefined) throw new Error('the sources could not be read');
await app.generateOutputs(project);
const index = project.children.map(({ name, comment }) => {
  const says = comment.summary
    .map(({ text }) => text)
    .join('')
    .replace(/\n/g, ' ');
  return `- [\`${packageName(name)}\`](${name}.md): ${says}\n`;
});
writeFileSync(
  join(made, 'README.md'),
  '# Reference of the API\n\nWhat each entry point of the package exports, from the docstrings. ' +
    `The reports beside these pages (\`*.api.md\`) have the same without words.\n\n${index.join('')}`,
);

const pagesIn = (folder) =>
  readdirSync(folder).filter((name) => name.endsWith('.md') && !name.endsWith('.api.md'));

/** Which class a member is inherited from is no news here, nor is what a getter returns said twice. */
function shortened(text) {
  return text
    .replace(/\n#{4,6} (?:Inherited from|Overrides|Implementation of)\n\n[^\n]*\n/g, '')
    .replace(
      /(#{5,6} Get Signature\n\n```ts\n[^`]*```\n\n([^#]+?)\n\n#+ Returns\n\n[^\n]+\n)\n\2\n/g,
      '$1',
    );
}

let isSame = true;
for (const name of new Set([...pagesIn(made), ...pagesIn(pages)])) {
  const from = join(made, name);
  const page = join(pages, name);
  const text = existsSync(from) ? shortened(readFileSync(from, 'utf8')) : undefined;
  if (isWriting && text === undefined) rmSync(page);
  else if (isWriting) writeFileSync(page, text);
  else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
    isSame = false;
    console.error(`docs/api/${name} is not what the docstrings say`);
  }
}
if (!isSame) {
  console.error('A docstring or an export has changed: npm run api');
  process.exitCode = 1;
}
