import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../programs.js';
import type { Downloads } from './downloads.js';

/** With HTTP the first; others for what WildFly opens besides. */
export const wildflyPorts = 9;
const startTimeoutMs = 300_000;

export interface ServerOptions {
  readonly downloads: Downloads;
  /** Holds all that it writes; is made anew. */
  readonly directory: string;
  /** As XTS knows it; no two that share transactions may have the same. */
  readonly name: string;
  readonly port: number;
  /** The port in its endpoint references: its own, or that of a proxy. */
  readonly publicPort: number;
  /** Address of the Activation service of the coordinator. */
  readonly activation: string;
  /** Whether participants may be registered by messages of their own. */
  readonly hasAsyncRegistration: boolean;
  /** What is deployed: its path, and the folder with its sources (`src`, `WEB-INF` and handler chains). */
  readonly war: { readonly path: string; readonly folder: string };
  /** For the Java virtual machine: memory, and properties. */
  readonly java: readonly string[];
  /** Called where it ends and nobody asked it to. */
  readonly onDied?: () => void;
}

/** One WildFly with XTS and a WAR; it can be killed, and started again on what it had on disk. */
export class WildflyServer {
  readonly #options: ServerOptions;
  #process: ChildProcess | undefined;

  private constructor(options: ServerOptions) {
    this.#options = options;
  }

  static async make(options: ServerOptions): Promise<WildflyServer> {
    const { downloads, directory, war } = options;
    await rm(directory, { recursive: true, force: true });
    for (const name of ['configuration', 'deployments', 'data', 'log']) {
      await mkdir(join(directory, name), { recursive: true });
    }
    const { home } = downloads;
    const configuration = join(directory, 'configuration');
    for (const name of ['application-roles', 'application-users', 'mgmt-groups', 'mgmt-users']) {
      const file = `${name}.properties`;
      await cp(join(home, 'standalone/configuration', file), join(configuration, file));
    }
    const logging = join(home, 'standalone/configuration/logging.properties');
    await cp(logging, join(configuration, 'logging.properties'));
    const usual = await readFile(join(home, 'docs/examples/configs/standalone-xts.xml'), 'utf8');
    await writeFile(join(configuration, 'standalone-xts.xml'), configured(usual, options));
    const deployed = join(directory, 'deployments', `${war.path}.war`);
    await buildWar(war.folder, home, join(directory, 'build'), deployed);
    return new WildflyServer(options);
  }

  /** Base address of what is deployed. */
  get url(): string {
    const { port, war } = this.#options;
    return `http://127.0.0.1:${port}/${war.path}`;
  }

  /** `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Waits until the WAR answers at `path`. */
  async start(path: string): Promise<void> {
    const { directory, downloads } = this.#options;
    const log = openSync(join(directory, 'log/console.log'), 'a');
    const child = spawn('java', javaArguments(this.#options), {
      cwd: downloads.folder,
      stdio: ['ignore', log, log],
    });
    this.#process = child;
    process.once('exit', () => child.kill('SIGKILL'));
    const deadline = performance.now() + startTimeoutMs;
    while (!(await isAnswered(`${this.url}${path}`))) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`WildFly did not start; see ${directory}/log/console.log`);
      }
      await sleep(500);
    }
    child.once('exit', () => {
      if (this.#process === child) this.#options.onDied?.();
    });
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** As WildFly's own configuration writes it. */
const bindAddress = '$' + '{jboss.bind.address:127.0.0.1}';

function configured(text: string, options: ServerOptions): string {
  const { activation, publicPort, port, hasAsyncRegistration } = options;
  const changes: readonly (readonly [string, string])[] = [
    [
      `<xts-environment url="http://${bindAddress}:8080/ws-c11/ActivationService"/>`,
      `<xts-environment url="${activation}"/>`,
    ],
    // The WAR names its handlers itself.
    [
      '<default-context-propagation enabled="true"/>',
      `<default-context-propagation enabled="false"/>${hasAsyncRegistration ? asyncRegistration : ''}`,
    ],
    ...[3528, 3529, 4712, 4713].map(
      (usual, index) => [`port="${usual}"`, `port="${port + 5 + index}"`] as const,
    ),
    // The port in endpoint references.
    [
      `<wsdl-host>${bindAddress}</wsdl-host>`,
      `<wsdl-host>127.0.0.1</wsdl-host><wsdl-port>${publicPort}</wsdl-port>`,
    ],
  ];
  return changes.reduce((edited, [from, to]) => {
    if (!edited.includes(from)) throw new Error(`standalone-xts.xml has no ${from}`);
    return edited.replace(from, to);
  }, text);
}

const asyncRegistration = '<async-registration enabled="true"/>';

const opened = ['lang', 'lang.invoke', 'lang.reflect', 'io', 'net', 'security', 'util'];

function javaArguments({ downloads, directory, name, port, java }: ServerOptions): string[] {
  const { home } = downloads;
  const ports = { http: port, https: port + 1, ajp: port + 4 };
  return [
    ...java,
    ...['-Djava.net.preferIPv4Stack=true', '-Djava.awt.headless=true'],
    '--add-exports=java.naming/com.sun.jndi.ldap=ALL-UNNAMED',
    ...[...opened, 'util.concurrent'].map(
      (name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`,
    ),
    ...['management/javax.management', 'naming/javax.naming'].map(
      (name) => `--add-opens=java.${name}=ALL-UNNAMED`,
    ),
    `-Dorg.jboss.boot.log.file=${directory}/log/server.log`,
    `-Dlogging.configuration=file:${directory}/configuration/logging.properties`,
    ...['-jar', join(home, 'jboss-modules.jar'), '-mp', join(home, 'modules')],
    ...['org.jboss.as.standalone', `-Djboss.home.dir=${home}`, '-c', 'standalone-xts.xml'],
    ...[
      `-Djboss.server.base.dir=${directory}`,
      `-Djboss.node.name=${name}`,
      `-Djboss.tx.node.id=${name}`,
    ],
    ...['-Djboss.bind.address=127.0.0.1', '-Djboss.bind.address.management=127.0.0.1'],
    ...Object.entries(ports).map(([name, number]) => `-Djboss.${name}.port=${number}`),
    `-Djboss.management.http.port=${port + 2}`,
    `-Djboss.management.https.port=${port + 3}`,
  ];
}

async function buildWar(war: string, home: string, folder: string, target: string): Promise<void> {
  const classes = join(folder, 'WEB-INF/classes');
  await mkdir(classes, { recursive: true });
  await cp(join(war, 'WEB-INF'), join(folder, 'WEB-INF'), { recursive: true });
  for (const name of await readdir(war)) {
    if (name.endsWith('-handlers.xml')) await cp(join(war, name), join(classes, name));
  }
  const base = join(home, 'modules/system/layers/base');
  const modules = [
    'org/jboss/xts/main',
    'org/jboss/jts/main',
    'jakarta/xml',
    'jakarta/annotation/api',
    'jakarta/servlet/api',
    'org/jboss/ws/api',
  ];
  const jars = await run('find', [...modules.map((name) => join(base, name)), '-name', '*.jar']);
  const sources = await run('find', [join(war, 'src'), '-name', '*.java']);
  const lines = ({ out }: { out: string }) => out.trim().split('\n');
  const options = ['-nowarn', '--release', '17', '-cp', lines(jars).join(':'), '-d', classes];
  await run('javac', [...options, ...lines(sources)]);
  await run('jar', ['--create', '--file', target, '-C', folder, '.']);
}
