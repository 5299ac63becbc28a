import { join } from 'node:path';
import { missingOf, projectRoot, run } from '../programs.js';
import { here, missing, type Stack } from './stack.js';

// Stacks that generate C++ or C#.

const typemap = '/usr/share/gsoap/WS/typemap.dat';

async function gsoapSources(wsdlUrl: string, folder: string): Promise<void> {
  await run('wsdl2h', ['-t', typemap, '-o', 'port.h', wsdlUrl], folder);
  const imports = ['-I/usr/share/gsoap/import', '-I/usr/share/gsoap'];
  await run('soapcpp2', ['-j', '-C', ...imports, 'port.h'], folder);
}

export const gsoap: Stack = {
  id: 'gsoap',
  title: 'gSOAP (C++)',
  generates: 'C++ by wsdl2h and soapcpp2',
  async look() {
    if (missingOf('wsdl2h', 'soapcpp2', 'g++')) {
      return missing('wsdl2h, soapcpp2 or g++ is not there (Debian: gsoap libgsoap-dev g++)');
    }
    const headers = ['-fsyntax-only', '-include', 'stdsoap2.h', '-x', 'c++', '/dev/null'];
    const hasHeaders = await run('g++', headers).then(
      () => true,
      () => false,
    );
    if (!hasHeaders) return missing('stdsoap2.h is not there (Debian: libgsoap-dev)');
    const { out, err } = await run('wsdl2h', ['-V']);
    return here(`${out}${err}`.trim());
  },
  generate: gsoapSources,
  async call(wsdlUrl, folder) {
    await gsoapSources(wsdlUrl, folder);
    const example = join(projectRoot, 'examples/gsoap/transfer.cpp');
    const sources = [example, 'soapC.cpp', 'soapTransferSoap11BindingProxy.cpp'];
    await run('g++', ['-I.', '-o', 'transfer', ...sources, '-lgsoap++'], folder);
    return (await run('./transfer', [], folder)).out;
  },
};

async function monoProxy(wsdlUrl: string, folder: string): Promise<void> {
  await run('wsdl', ['-n:Concordat', '-out:Service.cs', wsdlUrl], folder);
  const library = ['-target:library', '-r:System.Web.Services', '-out:service.dll'];
  await run('mcs', [...library, 'Service.cs'], folder);
}

export const mono: Stack = {
  id: 'mono',
  title: 'Mono wsdl (.NET)',
  generates: 'C# by wsdl, compiled',
  async look() {
    if (missingOf('mono', 'mcs', 'wsdl')) {
      return missing('mono, mcs or wsdl is not there (Debian: mono-devel)');
    }
    const { out } = await run('mono', ['--version']);
    return here(/version ([\d.]+)/.exec(out)?.[1] ?? '?');
  },
  generate: monoProxy,
  async call(wsdlUrl, folder) {
    await monoProxy(wsdlUrl, folder);
    const example = join(projectRoot, 'examples/dotnet/Transfer.cs');
    await run(
      'mcs',
      ['-r:service.dll', '-r:System.Web.Services', '-out:transfer.exe', example],
      folder,
    );
    return (await run('mono', ['transfer.exe'], folder)).out;
  },
};
