import { loadClient } from '../../../src/cli/client.js';
import { SessionClient } from '../../../src/session/client/session-client.js';
import { honestClient, sessionApplication, type Victim } from '../ground/victim.js';

const withinMs = 60_000;

/** Whether an honest session at each coordinator still comes to its end; else what is wrong. */
export async function sessionsWork({ local }: Victim): Promise<string[]> {
  const { node, cluster } = await loadClient(local.nodeFile(honestClient));
  const findings = cluster.coordinators.map(async ({ name: home }) => {
    const client = new SessionClient({ cluster, node, application: sessionApplication, home });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string[]>((resolve) => {
      timer = setTimeout(() => resolve([`a session at ${home} came to no end`]), withinMs);
    });
    const work = async (): Promise<string[]> => {
      const { final } = await client.call('{"do":"start-work","station":"dock-1"}');
      await client.end();
      const { kind } = await final;
      return kind === 'committed' ? [] : [`an honest session at ${home} was ${kind}`];
    };
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      return [`a session at ${home} failed: ${error}`];
    } finally {
      clearTimeout(timer);
      client.close();
    }
  });
  return (await Promise.all(findings)).flat();
}
