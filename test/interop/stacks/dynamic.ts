import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClientAsync } from 'soap';
import { missingOf, ProgramError, projectRoot, run } from '../programs.js';
import { here, missing, type Stack } from './stack.js';

// Stacks that read the WSDL when they run.

const example = (path: string): string => join(projectRoot, 'examples', path);

export const nodeSoap: Stack = {
  id: 'node-soap',
  title: 'soap (npm)',
  generates: 'a client in memory',
  async look() {
    const file = join(projectRoot, 'node_modules/soap/package.json');
    const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
    return here(version);
  },
  async generate(wsdlUrl) {
    const services = Object.values((await createClientAsync(wsdlUrl)).describe() as object);
    const ports = services.flatMap((service: object) => Object.keys(service));
    if (ports.length !== 2) throw new ProgramError(`it found ports ${ports.join(', ')}`);
  },
  async call(wsdlUrl) {
    return (await run(process.execPath, [example('soap-client/transfer.mjs'), wsdlUrl])).out;
  },
};

/** Debian's zeep is for Debian's Python, which need not be the first one. */
const pythons = ['python3', '/usr/bin/python3'];

async function pythonWithZeep(): Promise<{ python: string; version: string } | undefined> {
  for (const python of pythons) {
    const program = 'import zeep; print(zeep.__version__)';
    const output = await run(python, ['-c', program]).catch(() => undefined);
    if (output !== undefined) return { python, version: output.out.trim() };
  }
  return undefined;
}

async function zeepPython(): Promise<string> {
  return (await pythonWithZeep())?.python ?? '';
}

export const zeep: Stack = {
  id: 'zeep',
  title: 'zeep (Python)',
  generates: 'a client in memory',
  async look() {
    const found = await pythonWithZeep();
    return found ? here(found.version) : missing('no python3 has zeep (Debian: python3-zeep)');
  },
  async generate(wsdlUrl) {
    await run(await zeepPython(), ['-m', 'zeep', wsdlUrl]);
  },
  async call(wsdlUrl) {
    return (await run(await zeepPython(), [example('zeep/transfer.py'), wsdlUrl])).out;
  },
};

const phpReads = `
$client = new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE]);
exit(count($client->__getFunctions()) > 0 && count($client->__getTypes()) > 0 ? 0 : 1);
`;

export const php: Stack = {
  id: 'php',
  title: 'PHP SoapClient',
  generates: 'a client in memory',
  async look() {
    if (missingOf('php')) return missing('php is not there (Debian: php-cli php-soap)');
    const { out } = await run('php', ['-r', 'echo PHP_VERSION, " ", extension_loaded("soap");']);
    const [version = '', loaded] = out.split(' ');
    return loaded ? here(version) : missing('php has no SoapClient (Debian: php-soap)');
  },
  async generate(wsdlUrl) {
    await run('php', ['-r', phpReads, wsdlUrl]);
  },
  async call(wsdlUrl) {
    return (await run('php', [example('php/transfer.php'), wsdlUrl])).out;
  },
};

export const perl: Stack = {
  id: 'perl',
  title: 'SOAP::Lite (Perl)',
  generates: 'stubs by stubmaker',
  async look() {
    if (missingOf('perl', 'stubmaker')) {
      return missing('stubmaker is not there (Debian: libsoap-lite-perl)');
    }
    const { out } = await run('perl', ['-MSOAP::Lite', '-e', 'print $SOAP::Lite::VERSION']);
    return here(out);
  },
  async generate(wsdlUrl, folder) {
    await run('stubmaker', [wsdlUrl], folder);
    await run('sh', ['-c', 'for stub in *.pm; do perl -c "$stub" || exit 1; done'], folder);
  },
  async call(wsdlUrl) {
    return (await run('perl', [example('perl/transfer.pl'), wsdlUrl])).out;
  },
};
