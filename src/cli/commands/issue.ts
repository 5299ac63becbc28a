import { writeFile } from 'node:fs/promises';
import { nodeDays } from '../../kernel/config/x509.js';
import { wholeNumberArgument } from '../arguments.js';
import { issue } from '../enrollment/issuing.js';
import { readBytes } from '../enrollment/records.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultDirectory } from './command.js';

interface Options {
  readonly directory: string;
  readonly days: number;
  readonly output?: string;
  readonly json?: boolean;
}

export const addIssue: AddCommand = (program) => {
  program
    .command('issue')
    .description('issue the certificate that a request asks for')
    .argument('<request>', 'the request, as "concordat enroll" wrote it')
    .option('-d, --directory <directory>', 'where init wrote the cluster', defaultDirectory)
    .option(
      '--days <count>',
      'how long it is valid: no message of its holder counts after that',
      wholeNumberArgument(1, nodeDays),
      nodeDays,
    )
    .option('-o, --output <file>', 'the certificate (default: the request’s name with .crt)')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Needs authority-key.pem in that directory. Keeps which key a name was issued to, in issued/NAME.request,
and issues it to no other. The same request again gives another certificate for the same key, which
renews the first.

Example:
  concordat issue hotel.request --directory .concordat`,
    )
    .action(async (path: string, { directory, days, output, json = false }: Options) => {
      const certificate = await issue(await readBytes(path), { directory, days });
      const file = output ?? `${path.replace(/\.request$/, '')}.crt`;
      await writeFile(file, certificate);
      if (json) return printJson({ files: [file] });
      console.log(`Made ${file}.`);
    });
};
