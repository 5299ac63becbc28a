import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { missingOf, projectRoot, run } from '../programs.js';
import { type Availability, here, missing, type Stack } from './stack.js';

// JAX-WS: Metro, the reference implementation, and Apache CXF; both from Maven Central.

const maven = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath';

interface JavaTool {
  readonly id: 'metro' | 'cxf';
  readonly title: string;
  readonly generates: string;
  readonly mainClass: string;
  readonly versionOption: string;
  /** Generates and compiles into `classes`. */
  arguments(wsdlUrl: string): string[];
}

class JavaStack implements Stack {
  readonly id: string;
  readonly title: string;
  readonly generates: string;
  readonly #tool: JavaTool;
  #classpath = '';

  constructor(tool: JavaTool) {
    this.#tool = tool;
    this.id = tool.id;
    this.title = tool.title;
    this.generates = tool.generates;
  }

  async look(folder: string): Promise<Availability> {
    const { id, mainClass, versionOption } = this.#tool;
    const lacks = missingOf('java', 'javac');
    if (lacks) return missing(`${lacks} is not there (Debian: default-jdk-headless)`);
    const file = join(folder, `${id}.classpath`);
    if (!existsSync(file)) {
      if (missingOf('mvn')) return missing('mvn is not there (Debian: maven)');
      const failure = await resolve(id, file);
      if (failure !== undefined) return missing(`Maven could not get it: ${failure}`);
    }
    this.#classpath = (await readFile(file, 'utf8')).trim();
    const { out, err } = await run('java', ['-cp', this.#classpath, mainClass, versionOption]);
    return here(/\d+(\.\d+)+/.exec(`${out}${err}`)?.[0] ?? '?');
  }

  async generate(wsdlUrl: string, folder: string): Promise<void> {
    await mkdir(join(folder, 'classes'));
    const tool = ['-cp', this.#classpath, this.#tool.mainClass];
    await run('java', [...tool, ...this.#tool.arguments(wsdlUrl)], folder);
  }

  async call(wsdlUrl: string, folder: string): Promise<string> {
    await this.generate(wsdlUrl, folder);
    const classpath = `classes:${this.#classpath}`;
    const example = join(projectRoot, 'examples/jax-ws/Transfer.java');
    await run('javac', ['-cp', classpath, '-d', 'classes', example], folder);
    return (await run('java', ['-cp', classpath, 'Transfer', wsdlUrl], folder)).out;
  }
}

/** Has Maven download the tool and write its class path. Returns what Maven says where it fails. */
async function resolve(id: JavaTool['id'], file: string): Promise<string | undefined> {
  const pom = join(projectRoot, 'test/interop/maven', id, 'pom.xml');
  const part = `${file}.part`;
  try {
    await run('mvn', ['-q', '-B', '-f', pom, maven, `-Dmdep.outputFile=${part}`]);
    await rename(part, file);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const javaPackage = 'concordat.transfer';

export const metro: Stack = new JavaStack({
  id: 'metro',
  title: 'Metro wsimport (JAX-WS)',
  generates: 'Java by wsimport, compiled',
  mainClass: 'com.sun.tools.ws.WsImport',
  versionOption: '-version',
  // Without -extension it leaves out the port of SOAP 1.2.
  arguments: (wsdlUrl) => ['-quiet', '-extension', '-p', javaPackage, '-d', 'classes', wsdlUrl],
});

export const cxf: Stack = new JavaStack({
  id: 'cxf',
  title: 'Apache CXF wsdl2java',
  generates: 'Java by wsdl2java, compiled',
  mainClass: 'org.apache.cxf.tools.wsdlto.WSDLToJava',
  versionOption: '-v',
  arguments: (wsdlUrl) => {
    return ['-p', javaPackage, '-d', 'source', '-compile', '-classdir', 'classes', wsdlUrl];
  },
});
