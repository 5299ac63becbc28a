import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { loadClient } from '../../../src/cli/client.js';
import { honestLanes } from '../ground/victim.js';
import { HonestLoad } from './honest.js';
import type { HonestAnswer, HonestQuestion } from './honest-client.js';

const tallyMs = 100;

/** The process of the honest client; `honest-client.ts` starts it, with the client's file. */
const [clientFile = ''] = process.argv.slice(2);
const { node, cluster } = await loadClient(clientFile);
const client = new TransferClient({ cluster, node, lanes: honestLanes });
const load = new HonestLoad(client);
const say = (answer: HonestAnswer) => process.send?.(answer);

const ticker = setInterval(() => say(told()), tallyMs);
process.on('message', (question: HonestQuestion) => void answer(question));
process.once('disconnect', () => process.exit());
say({ kind: 'ready' });

async function answer(question: HonestQuestion): Promise<void> {
  try {
    switch (question.kind) {
      case 'books':
        return void say({ kind: 'books', books: await load.books() });
      case 'start':
        load.start();
        return void say({ kind: 'started' });
      case 'stop':
        await load.stop();
        say(told());
        return void say({ kind: 'stopped' });
      case 'audit':
        return void say({ kind: 'audited', findings: await load.audit(question.before) });
      case 'close':
        clearInterval(ticker);
        await client.close();
        process.disconnect();
    }
  } catch (error) {
    say({ kind: 'failed', why: String(error) });
  }
}

function told(): HonestAnswer {
  return { kind: 'tally', tally: load.tally, longestGapMs: load.longestGapMs };
}
