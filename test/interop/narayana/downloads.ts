import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { missingOf, ProgramError, run } from '../programs.js';

export const wildflyVersion = '36.0.1.Final';
export const defaultDownloads = join(homedir(), '.cache/concordat-interop');

const maven = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';

/** Where WildFly is kept; nothing of it belongs into the repository. */
export class Downloads {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get home(): string {
    return join(this.folder, 'wf', `wildfly-${wildflyVersion}`);
  }

  get #isThere(): boolean {
    return existsSync(this.home);
  }

  /** Gets WildFly where it is not there yet. Gives why it cannot be run here; undefined where it can. */
  async lack(): Promise<string | undefined> {
    const lack = this.#lackOfTools();
    if (lack !== undefined) return lack;
    try {
      await this.#get();
      return undefined;
    } catch (error) {
      if (error instanceof ProgramError) return `WildFly is not to be had: ${error.message}`;
      throw error;
    }
  }

  /** What this machine lacks; undefined where nothing. */
  #lackOfTools(): string | undefined {
    const tools = missingOf('java', 'javac', 'jar', 'unzip');
    if (tools !== undefined)
      return `${tools} is not there (Debian: openjdk-17-jdk-headless, unzip)`;
    if (!this.#isThere && missingOf('mvn')) return 'mvn is not there (Debian: maven)';
    return undefined;
  }

  /** Throws `ProgramError` where Maven cannot get it: 268 MB. */
  async #get(): Promise<void> {
    if (this.#isThere) return;
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

/** What XTS is of this release. */
export async function narayanaVersion(home: string): Promise<string> {
  const folder = join(home, 'modules/system/layers/base/org/jboss/xts/main');
  const { out } = await run('find', [folder, '-name', 'jbossxts-*.jar']);
  return /jbossxts-(.+)\.jar/.exec(out)?.[1] ?? '?';
}
