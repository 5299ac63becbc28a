import { dirname, join } from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { hostField, portField } from '../../kernel/config/cluster-file.js';
import type { ListenAddress } from '../../kernel/config/node-file.js';
import { enroll } from '../enrollment/newcomer.js';
import { usageError } from '../exit.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly url?: string;
  readonly listen?: ListenAddress;
  readonly service?: string;
  readonly node?: string;
  readonly output?: string;
  readonly json?: boolean;
}

export const addEnroll: AddCommand = (program) => {
  addOptions(program.command('enroll'))
    .addHelpText(
      'after',
      `
Makes the newcomer's keys, which stay on this machine, and a request that they sign. The private file
waits for the certificate; "concordat join" puts it in. The request goes
  for a participant to a quorum of coordinators' operators ("concordat approve") and to the holder of the
    authority's key ("concordat issue"); what they make becomes a record ("concordat admit");
  for a client to the holder of the authority's key alone.

Examples:
  concordat enroll participant hotel --url http://hotel.example:8080 --service ./hotel.mjs
  concordat enroll client bob -c cluster.json`,
    )
    .action(async (role: 'participant' | 'client', name: string, options: Options) => {
      const {
        cluster: clusterFile,
        json = false,
        output: requestFile = `${name}.request`,
      } = options;
      const nodeFile = options.node ?? join(dirname(clusterFile), 'nodes', `${name}.json`);
      const shared = { name, clusterFile, nodeFile, requestFile };
      const { files, sha256 } = await enroll(
        role === 'client' ? { role, ...shared } : { role, ...shared, ...servingOf(options) },
      );
      if (json) return printJson({ files, node: nodeFile, request: requestFile, sha256 });
      console.log(`Made ${nodeFile}, which is private, and ${requestFile}, which is not.`);
      console.log(`Let the approvers know its SHA-256 by another channel: ${sha256}`);
    });
};

function addOptions(command: Command): Command {
  return command
    .description('ask to join a cluster: make the keys of a newcomer, and a request')
    .addArgument(new Argument('<role>', 'what it is to be').choices(['participant', 'client']))
    .argument('<name>', 'its name: letters, digits, ".", "_" and "-"')
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('--url <address>', 'where the others reach a participant')
    .option(
      '--listen <host:port>',
      'where a participant listens (default: as in the address)',
      parseListen,
    )
    .option('--service <module>', 'its module (default: it is a bank, without accounts)')
    .option(
      '--node <file>',
      'its private file (default: nodes/NAME.json beside the cluster’s file)',
    )
    .option('-o, --output <file>', 'the request (default: NAME.request)')
    .option('--json', 'print what was written as JSON');
}

/** What a participant is asked for besides. */
function servingOf({ url, listen, service }: Options) {
  if (url === undefined) throw usageError('a participant needs --url, where the others reach it');
  return { url, listen: listen ?? listenOf(url), service };
}

function listenOf(url: string): ListenAddress {
  if (!URL.canParse(url)) throw usageError('--url: write an address such as http://hotel:8080');
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

function parseListen(text: string): ListenAddress {
  const [, host = '', digits = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (!hostField.safeParse(host).success || !portField.safeParse(port).success) {
    throw new InvalidArgumentError('Write HOST:PORT, such as 0.0.0.0:8080.');
  }
  return { host, port };
}
