import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { missingOf, projectRoot, run } from '../programs.js';

export const wildflyVersion = '36.0.1.Final';

const maven = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';
const warFolder = join(projectRoot, 'test/interop/narayana/war');
/** With HTTP the first; others for what WildFly opens besides. */
export const wildflyPorts = 9;
const startTimeoutMs = 300_000;
/** A client of XTS waits half a minute for its outcome. */
const transferTimeoutMs = 120_000;

/** Where WildFly is kept; nothing of it belongs into the repository. */
export class Downloads {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get home(): string {
    return join(this.folder, 'wf', `wildfly-${wildflyVersion}`);
  }

  get isThere(): boolean {
    return existsSync(this.home);
  }

  /** What this machine lacks; undefined where nothing. */
  lack(): string | undefined {
    const tools = missingOf('java', 'javac', 'jar', 'unzip');
    if (tools !== undefined)
      return `${tools} is not there (Debian: openjdk-17-jdk-headless, unzip)`;
    if (!this.isThere && missingOf('mvn')) return 'mvn is not there (Debian: maven)';
    return undefined;
  }

  /** Throws `ProgramError` where Maven cannot get it: 268 MB. */
  async get(): Promise<void> {
    if (this.isThere) return;
    const archive = join(this.folder, 'dl');
    const artifact = `-Dartifact=org.wildfly:wildfly-dist:${wildflyVersion}:zip`;
    await mkdir(archive, { recursive: true });
    await run('mvn', ['-q', '-B', maven, artifact, `-DoutputDirectory=${archive}`], this.folder);
    const partial = join(this.folder, 'wf-part');
    await run('unzip', [
      '-q',
      '-o',
      join(archive, `wildfly-dist-${wildflyVersion}.zip`),
      '-d',
      partial,
    ]);
    await mkdir(join(this.folder, 'wf'), { recursive: true });
    await run('mv', [join(partial, `wildfly-${wildflyVersion}`), this.home]);
  }
}

const known = z.enum(['committed', 'rolledBack', 'unknown']);
const answerSchema = z.object({
  outcome: known,
  step: z.string(),
  ms: z.number(),
  error: z.string(),
});
const initiatorSchema = z.object({
  /** The message that came back. */
  answer: z.string(),
  outcome: z.enum(['committed', 'rolledBack', 'unknown', 'none']),
  error: z.string(),
});
const steps = z.array(z.enum(['prepared', 'committed', 'rolledBack']));
const bookSchema = z.array(z.object({ transfer: z.string(), delta: z.number(), steps }));
const booksSchema = z.object({ A: bookSchema, B: bookSchema });

/** What the client knows of the outcome. */
export type TransferAnswer = z.output<typeof answerSchema>;
/** What the initiator of a scenario knows of it. */
export type InitiatorAnswer = z.output<typeof initiatorSchema>;
/** Of both banks: what has become of each posting, in the order in which it happened. */
export type Books = z.output<typeof booksSchema>;

export interface WildflyOptions {
  readonly downloads: Downloads;
  readonly directory: string;
  readonly port: number;
  /** What its endpoints are called by. */
  readonly origin: string;
  /** Address of the Activation service of the coordinator. */
  readonly activation: string;
}

/** One WildFly with XTS and our WAR; it can be killed, and started again on what it had on disk. */
export class Wildfly {
  readonly #options: WildflyOptions;
  #process: ChildProcess | undefined;

  private constructor(options: WildflyOptions) {
    this.#options = options;
  }

  static async make(options: WildflyOptions): Promise<Wildfly> {
    const { downloads, directory } = options;
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
    await buildWar(home, join(directory, 'build'), join(directory, 'deployments/plain.war'));
    return new Wildfly(options);
  }

  /** Waits until the WAR answers. */
  async start(): Promise<void> {
    const { directory, downloads } = this.#options;
    const log = openSync(join(directory, 'log/console.log'), 'a');
    const child = spawn('java', javaArguments(this.#options), {
      cwd: downloads.folder,
      stdio: ['ignore', log, log],
    });
    this.#process = child;
    process.once('exit', () => child.kill('SIGKILL'));
    const deadline = performance.now() + startTimeoutMs;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`WildFly did not start; see ${directory}/log/console.log`);
      }
      await sleep(500);
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Rejects where WildFly is killed meanwhile. */
  async transfer(parameters: Readonly<Record<string, string>>): Promise<TransferAnswer> {
    const query = new URLSearchParams(parameters);
    const signal = AbortSignal.timeout(transferTimeoutMs);
    const response = await fetch(`${this.#url}/transfer?${query}`, { signal });
    return answerSchema.parse(await response.json());
  }

  /** Has the initiator make one of the interoperability scenarios. Rejects where WildFly is killed meanwhile. */
  async scenario(parameters: Readonly<Record<string, string>>): Promise<InitiatorAnswer> {
    const query = new URLSearchParams(parameters);
    const signal = AbortSignal.timeout(transferTimeoutMs);
    const response = await fetch(`${this.#url}/scenario?${query}`, { signal });
    return initiatorSchema.parse(await response.json());
  }

  async books(): Promise<Books> {
    const response = await fetch(`${this.#url}/books`);
    return booksSchema.parse(await response.json());
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#options.port}/plain`;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.#url}/books`)).ok;
    } catch {
      return false;
    }
  }
}

/** As WildFly's own configuration writes it. */
const bindAddress = '$' + '{jboss.bind.address:127.0.0.1}';

function configured(text: string, { activation, origin, port }: WildflyOptions): string {
  const changes: readonly (readonly [string, string])[] = [
    [
      `<xts-environment url="http://${bindAddress}:8080/ws-c11/ActivationService"/>`,
      `<xts-environment url="${activation}"/>`,
    ],
    // The WAR names its handlers itself.
    [
      '<default-context-propagation enabled="true"/>',
      '<default-context-propagation enabled="false"/><async-registration enabled="true"/>',
    ],
    ...[3528, 3529, 4712, 4713].map(
      (usual, index) => [`port="${usual}"`, `port="${port + 5 + index}"`] as const,
    ),
    // The port in endpoint references.
    [
      `<wsdl-host>${bindAddress}</wsdl-host>`,
      `<wsdl-host>127.0.0.1</wsdl-host><wsdl-port>${new URL(origin).port}</wsdl-port>`,
    ],
  ];
  return changes.reduce((edited, [from, to]) => {
    if (!edited.includes(from)) throw new Error(`standalone-xts.xml has no ${from}`);
    return edited.replace(from, to);
  }, text);
}

const opened = ['lang', 'lang.invoke', 'lang.reflect', 'io', 'net', 'security', 'util'];

function javaArguments({ downloads, directory, port }: WildflyOptions): string[] {
  const { home } = downloads;
  const ports = { http: port, https: port + 1, ajp: port + 4 };
  return [
    ...['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true'],
    '-Djava.awt.headless=true',
    '--add-exports=java.naming/com.sun.jndi.ldap=ALL-UNNAMED',
    ...[...opened, 'util.concurrent'].map(
      (name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`,
    ),
    ...['management/javax.management', 'naming/javax.naming'].map(
      (name) => `--add-opens=java.${name}=ALL-UNNAMED`,
    ),
    `-Dorg.jboss.boot.log.file=${directory}/log/server.log`,
    `-Dlogging.configuration=file:${directory}/configuration/logging.properties`,
    // Recovery looks every 2 minutes as a rule.
    '-DRecoveryEnvironmentBean.periodicRecoveryPeriod=10',
    '-DRecoveryEnvironmentBean.recoveryBackoffPeriod=1',
    ...['-jar', join(home, 'jboss-modules.jar'), '-mp', join(home, 'modules')],
    ...['org.jboss.as.standalone', `-Djboss.home.dir=${home}`, '-c', 'standalone-xts.xml'],
    ...[
      `-Djboss.server.base.dir=${directory}`,
      '-Djboss.node.name=plain',
      '-Djboss.tx.node.id=plain',
    ],
    ...['-Djboss.bind.address=127.0.0.1', '-Djboss.bind.address.management=127.0.0.1'],
    ...Object.entries(ports).map(([name, number]) => `-Djboss.${name}.port=${number}`),
    `-Djboss.management.http.port=${port + 2}`,
    `-Djboss.management.https.port=${port + 3}`,
    '-Dxts.workers=64',
  ];
}

async function buildWar(home: string, folder: string, target: string): Promise<void> {
  const classes = join(folder, 'WEB-INF/classes');
  await mkdir(classes, { recursive: true });
  await cp(join(warFolder, 'WEB-INF'), join(folder, 'WEB-INF'), { recursive: true });
  for (const name of ['service-handlers.xml', 'sc007-handlers.xml']) {
    await cp(join(warFolder, name), join(classes, name));
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
  const sources = await run('find', [join(warFolder, 'src'), '-name', '*.java']);
  const lines = ({ out }: { out: string }) => out.trim().split('\n');
  const options = ['-nowarn', '--release', '17', '-cp', lines(jars).join(':'), '-d', classes];
  await run('javac', [...options, ...lines(sources)]);
  await run('jar', ['--create', '--file', target, '-C', folder, '.']);
}

/** What XTS is of this release. */
export async function narayanaVersion(home: string): Promise<string> {
  const folder = join(home, 'modules/system/layers/base/org/jboss/xts/main');
  const { out } = await run('find', [folder, '-name', 'jbossxts-*.jar']);
  return /jbossxts-(.+)\.jar/.exec(out)?.[1] ?? '?';
}
