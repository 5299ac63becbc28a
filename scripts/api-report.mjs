// Compares what the package exports with the reports in docs/api; `--write` writes them anew.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const isWriting = process.argv.includes('--write');
const reportFolder = join(root, 'docs/api');
const reportTempFolder = join(root, 'dist/api');
mkdirSync(reportFolder, { recursive: true });
const silent = { default: { logLevel: 'none', addToApiReportFile: false } };

let isSame = true;
for (const [path, entry] of Object.entries(exports)) {
  if (typeof entry === 'string') continue;
  const name = path === '.' ? 'index' : path.slice(2);
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, entry.types),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder,
        reportTempFolder,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: silent,
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
  const { apiReportChanged } = Extractor.invoke(config, {
    localBuild: isWriting,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  if (!apiReportChanged || isWriting) continue;
  isSame = false;
  console.error(`docs/api/${name}.api.md is not what the package exports`);
}
if (!isSame) {
  console.error(
    'The public API has changed. If that is meant: npm run api, and say so in CHANGELOG.md.',
  );
  process.exitCode = 1;
}
