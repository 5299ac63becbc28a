import {
  addClusterOptions,
  type ClusterOptions,
  engineChoiceOf,
  newClusterOf,
} from '../cluster-options.js';
import { type BetterFirst, type EngineChoice, oneDataCenterMs } from '../engine-choice.js';
import { usageError } from '../exit.js';
import { initCluster } from '../init.js';
import { firstPort, localHost } from '../local/port-range.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultDirectory } from './command.js';

interface Options extends ClusterOptions {
  readonly compose?: boolean;
  readonly json?: boolean;
}

export const addInit: AddCommand = (program) => {
  const command = program
    .command('init')
    .description('make a cluster: keys, certificates, one public file and one private file a node')
    .argument('[directory]', 'where to write it', defaultDirectory);
  addClusterOptions(command, 'none')
    .option('--compose', 'for containers that reach each other by node name')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Writes cluster.json, which everybody may see; nodes/NAME.json, each for its node alone; data/NAME,
where the data of the coordinator or bank NAME begin, to go with its file; and authority-key.pem, which no
node needs: keep it offline. Refuses to write over a cluster.

Examples:
  concordat init
  concordat init /etc/concordat --f 2 --banks 5 --clients alice,shop
  concordat init deploy --compose
  concordat init shop --sessions supply-chain,shop=./shop/application.js --engine pbft
  concordat init wide --sessions supply-chain --engine auto --round-trips 167,185,198,138,111,229`,
    )
    .action(async (directory: string, options: Options) => {
      const { compose = false, json = false, basePort } = options;
      if (compose && basePort !== undefined) {
        throw usageError(
          '--base-port is of no use with --compose: containers all use the same ports',
        );
      }
      const { files } = await initCluster({
        ...newClusterOf(options),
        directory,
        layout: compose
          ? { kind: 'compose' }
          : { kind: 'local', host: localHost, basePort: basePort ?? firstPort },
      });
      const choice = engineChoiceOf(options);
      if (json) return printJson({ directory, files, ...(choice && { choice }) });
      console.log(`Made a cluster in ${directory}: ${files.length} files.`);
      if (choice) console.log(choiceText(choice));
      if (!compose) console.log(`Start it with: concordat up ${directory}`);
    });
};

function choiceText({ engine, why, meanMs, better }: EngineChoice): string {
  const means = Object.entries(meanMs).map(([name, ms]) => `${name} ${msText(ms)}`);
  const waits = `By the round trips alone, a lone request waits for: ${means.join(', ')}.`;
  const reason = {
    'least-wait': 'Its clients wait least.',
    'one-data-center':
      `No round trip is over ${oneDataCenterMs} ms, as within one data center: there processors decide and not the way, ` +
      'and it has the most throughput.',
  }[why];
  return `Sessions are ordered by ${engine}. ${reason} ${waits}${better ? betterText(better) : ''}`;
}

function betterText({ engine, coordinator, meanMs }: BetterFirst): string {
  return (
    `\nWith the place of coordinator ${coordinator} as the first it would be ${msText(meanMs)} by ${engine}: coordinator 0 is the ` +
    'primary until the view changes. For that, make the cluster anew with --round-trips in that order.'
  );
}

function msText(ms: number): string {
  return `${Number(ms.toFixed(1))} ms`;
}
