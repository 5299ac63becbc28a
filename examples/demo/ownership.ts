import { type ClientNode, TransferClient } from 'concordat/client';
import type { Demo } from './demo.js';

/** A client of the cluster asks for a transfer from an account that is not its own. */
export async function tellOwnership(demo: Demo, mallory: ClientNode): Promise<void> {
  const { story, cluster } = demo;
  story.chapter('A client debits somebody else’s account');
  const client = new TransferClient({ cluster: cluster.cluster, node: mallory });
  const before = await demo.balances();
  const { outcome, reason = '' } = await demo.ask(
    'mallory asks for 50.00 EUR from alice to bob',
    5000,
    { client },
  );
  story.check('it is aborted', outcome === 'aborted');
  story.check('the bank says why', reason.startsWith('NotAuthorized'));
  await demo.nothingMoved(before);
  await client.close();
}
