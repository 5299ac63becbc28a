import { writeFile } from 'node:fs/promises';
import { sha256 } from '../../kernel/digest.js';
import { type EnrollmentRequest, readRequest } from '../../kernel/enrollment/request.js';
import { loadCoordinator, loadPublic } from '../client.js';
import { approve } from '../enrollment/approving.js';
import { readBytes } from '../enrollment/records.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly node?: string;
  readonly cluster: string;
  readonly output?: string;
  readonly json?: boolean;
}

export const addApprove: AddCommand = (program) => {
  program
    .command('approve')
    .description('approve a participant’s request in the name of a coordinator')
    .argument('<request>', 'the request, as "concordat enroll" wrote it')
    .option('--node <file>', 'the coordinator’s private file; without it the request is only shown')
    .option('-c, --cluster <file>', 'the cluster’s public file, to show by', defaultClusterFile)
    .option('-o, --output <file>', 'the approval (default: NAME.COORDINATOR.approval)')
    .option('--json', 'print what was read and written as JSON')
    .addHelpText(
      'after',
      `
Compare name, address and SHA-256 with what the newcomer says by another channel: the keys are in the
latter. All nodes will call that address. The coordinator keeps what it has approved, and approves nothing else for the same name,
address or key, ever. Run it as the node's user, where its dataDir is; the node may run meanwhile.

Examples:
  concordat approve hotel.request
  concordat approve hotel.request --node nodes/coordinator-0.json`,
    )
    .action(async (path: string, { node: nodeFile, cluster, output, json = false }: Options) => {
      const file = await readBytes(path);
      if (nodeFile === undefined) {
        const { request, bytes } = readRequest((await loadPublic(cluster)).id, file);
        return show({ ...shown(request), sha256: sha256(bytes) }, json);
      }
      const node = await loadCoordinator(nodeFile);
      const { id } = await loadPublic(node.clusterFile);
      const { request, bytes } = readRequest(id, file);
      const approval = output ?? `${request.name}.${node.name}.approval`;
      await writeFile(approval, await approve(file, node));
      show({ ...shown(request), sha256: sha256(bytes), approval }, json);
    });
};

/** What a person compares. */
function shown({ key, ...request }: EnrollmentRequest): Readonly<Record<string, string>> {
  return { ...request, certificateKey: Buffer.from(key).toString('hex') };
}

function show(fields: Readonly<Record<string, string>>, json: boolean): void {
  if (json) return printJson(fields);
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  for (const [name, value] of Object.entries(fields)) {
    console.log(`${name.padEnd(width)}  ${value}`);
  }
}
