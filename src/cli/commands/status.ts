import { dirname, join } from 'node:path';
import { z } from 'zod';
import { bindings } from '../../kernel/cluster.js';
import { httpGet } from '../../kernel/http/http-get.js';
import { oneCorrect, quorum } from '../../kernel/ids.js';
import { loadPublic } from '../client.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { type LocalMember, localMembers, participantKinds } from '../local/members.js';
import { printJson, table } from '../output.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly json?: boolean;
}

/** What a coordinator answers at `/healthz` and `/status`; a liar may answer anything. */
const figuresSchema = z.object({
  view: z.number(),
  primary: z.number(),
  openSlots: z.number(),
  transactions: z.number(),
  recovering: z.boolean().optional(),
});

/** What any node of the cluster's own answers; of a front door or a gateway, or of an older node, nothing. */
const wireSchema = z.object({
  binding: z.enum(bindings).optional(),
  links: z
    .object({
      up: z.array(z.string()),
      down: z.array(z.string()),
      notTaken: z.array(z.string()),
    })
    .optional(),
  threads: z.number().optional(),
});

interface NodeStatus extends LocalMember {
  readonly up: boolean;
  readonly figures?: z.output<typeof figuresSchema>;
  readonly wire?: z.output<typeof wireSchema>;
}

export const addStatus: AddCommand = (program, finish) => {
  program
    .command('status')
    .description('ask every node how it is')
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      `
Each node speaks for itself, and a faulty one may lie. TRANSACTIONS are those that a coordinator
remembers, finished ones too. ROLE says of a participant what it is where its private file is in nodes/
beside the cluster's. BINDING says how the node sends messages to others, and with compact to which the links are up: of
those that it had something to send to. One that is recovering has no data, and takes part once enough others
have told it what it may have said. Exit status 1 where a node is down, 3 where none answers.

Example:
  concordat status --cluster .concordat/cluster.json`,
    )
    .action(async ({ cluster: file, json = false }: Options) => {
      const cluster = await loadPublic(file);
      const kinds = await participantKinds(cluster, join(dirname(file), 'nodes'));
      const nodes = await Promise.all(localMembers(cluster, kinds).map(ask));
      const up = (role: LocalMember['role']) =>
        nodes.filter((node) => node.role === role && node.up).length;
      const summary = {
        nodesUp: nodes.filter((node) => node.up).length,
        nodes: nodes.length,
        coordinatorQuorum: up('coordinator') >= quorum(cluster.resilience),
        initiatorsEnough: up('initiator') >= oneCorrect(cluster.resilience),
      };
      if (json) printJson({ ...summary, members: nodes });
      else {
        console.log(statusTable(nodes));
        console.log(`\n${verdict(summary)}`);
      }
      finish(exitCodeOf(summary));
    });
};

interface Summary {
  readonly nodesUp: number;
  readonly nodes: number;
  readonly coordinatorQuorum: boolean;
  readonly initiatorsEnough: boolean;
}

async function ask(member: LocalMember): Promise<NodeStatus> {
  const path = member.role === 'coordinator' ? '/status' : '/healthz';
  const answer = await httpGet(`${member.url}${path}`, { timeoutMs: 2000, maxBytes: 65_536 });
  if (answer?.status !== 200) return { ...member, up: false };
  const json = parseJson(answer.body);
  const [figures, wire] = [figuresSchema.safeParse(json), wireSchema.safeParse(json)];
  return {
    ...member,
    up: true,
    ...(figures.success && { figures: figures.data }),
    ...(wire.success && { wire: wire.data }),
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

function statusTable(nodes: readonly NodeStatus[]): string {
  const rows = nodes.map(({ name, role, url, up, figures, wire }) => [
    name,
    role,
    up ? (figures?.recovering ? 'recovering' : 'up') : 'DOWN',
    String(figures?.view ?? ''),
    figures === undefined ? '' : `coordinator-${figures.primary}`,
    String(figures?.openSlots ?? ''),
    String(figures?.transactions ?? ''),
    wireText(wire),
    url,
  ]);
  const headings = [
    'NODE',
    'ROLE',
    'STATE',
    'VIEW',
    'PRIMARY',
    'OPEN SLOTS',
    'TRANSACTIONS',
    'BINDING',
    'URL',
  ];
  return table(headings, rows);
}

/** `compact, 7 links up, not up: bank-b, SOAP to: hotel`. */
function wireText({ binding, links }: z.output<typeof wireSchema> = {}): string {
  if (links === undefined) return binding ?? '';
  const { up, down, notTaken } = links;
  return [
    `${binding}, ${up.length} links up`,
    ...(down.length > 0 ? [`not up: ${down.join(' ')}`] : []),
    ...(notTaken.length > 0 ? [`SOAP to: ${notTaken.join(' ')}`] : []),
  ].join(', ');
}

function verdict({ nodesUp, nodes, coordinatorQuorum, initiatorsEnough }: Summary): string {
  const up = `${nodesUp} of ${nodes} nodes are up`;
  if (nodesUp === 0) return `${up}; is the cluster running?`;
  if (!coordinatorQuorum) return `${up}; too few coordinators for a decision`;
  if (!initiatorsEnough) return `${up}; too few initiators for a transfer`;
  return `${up}.`;
}

function exitCodeOf({ nodesUp, nodes }: Summary): ExitCode {
  if (nodesUp === 0) return exitCodes.unreachable;
  return nodesUp === nodes ? exitCodes.ok : exitCodes.failed;
}
