import { createHash } from 'node:crypto';
import { requestDigest } from '../../../src/banking/initiator/outbound.js';
import { clientId, type ReplicaId } from '../../../src/kernel/ids.js';
import type { Host } from '../engine/process.js';
import { BankParty } from '../parties/bank.js';
import { ClientParty } from '../parties/client.js';
import { CoordinatorParty } from '../parties/coordinator.js';
import { InitiatorParty } from '../parties/initiator.js';
import type { PacketPartyOptions } from '../parties/party.js';
import type { Cores } from './cores.js';
import { bankNames, errandsOf, openingAccounts } from './load.js';
import type { TransactionsWorld } from './world.js';

/** Puts everybody into a world, and starts them. */
export function populate(world: TransactionsWorld, cores: Cores): void {
  addCoordinators(world, cores);
  for (const { name, id } of world.cast.cluster.initiators) {
    const createCore = cores.initiator;
    world.add(
      name,
      (host) => new InitiatorParty({ ...party(world, name, host), self: id, createCore }),
    );
  }
  addBanks(world, cores);
  world.add('auditor', () => world.auditor);
  for (let index = 0; index < world.plan.clients; index += 1) addClient(world, index);
  for (const process of world.processes) world.start(process);
}

function addCoordinators(world: TransactionsWorld, { coordinator: createCore }: Cores): void {
  const boot = (name: string, self: ReplicaId, host: Host, twin = ''): CoordinatorParty => {
    const birth = `entropy of ${name}${twin} at ${world.engine.nowMs}, seed ${world.plan.seed}`;
    const entropy = createHash('sha256').update(birth).digest();
    return new CoordinatorParty({ ...party(world, name, host), self, entropy, createCore });
  };
  for (const { name, id } of world.cast.cluster.coordinators) {
    if (world.plan.twins.includes(name)) {
      world.addReplicaTwins(name, (host, twin) => boot(name, id, host, twin));
    } else world.add(name, (host) => boot(name, id, host));
  }
}

function addBanks(world: TransactionsWorld, { bank: createCore }: Cores): void {
  for (const [index, { name, id }] of world.cast.cluster.participants.entries()) {
    const accounts = openingAccounts(world.plan, index);
    world.opening.set(name, accounts);
    const own = { self: id, openingAccounts: accounts, createCore };
    world.add(name, (host) => new BankParty({ ...party(world, name, host), ...own }));
  }
}

function addClient(world: TransactionsWorld, index: number): void {
  const address = `client-${index}`;
  const errands = errandsOf(world.plan, index, bankNames(world.plan));
  const { cast, witness } = world;
  world.add(
    address,
    (host) =>
      new ClientParty({
        cast,
        mail: world.mail(address),
        host,
        address,
        errands,
        onAsked: (timestamp, order) => world.asked(address, timestamp, order),
        onAskedAgain: () => world.coverage.count('requests asked for again'),
        onVerdict: (timestamp, order, verdict) => {
          const header = { client: clientId(address), timestamp };
          const request = witness.requests.get(requestDigest(cast.cluster.id, header, order));
          if (request) request.verdict = verdict;
          world.say(`${address} believes ${JSON.stringify(verdict)}`);
        },
      }),
  );
}

function party(world: TransactionsWorld, name: string, host: Host): PacketPartyOptions {
  const { cast, reader } = world;
  const log = (event: string, data: object): void => world.noted(name, event, data);
  return { cast, reader, mail: world.mail(name), host, log };
}
