import { runNode, standardRoles } from 'concordat';
import { Initiator, type InitiatorCall, startInitiator } from 'concordat/initiator';

type Input = Parameters<Initiator<InitiatorCall>['handle']>[0];
type Outputs = ReturnType<Initiator<InitiatorCall>['handle']>;

/** An initiator that asks the banks for ten times the amount that the client asked for. */
class ByzantineInitiator extends Initiator<InitiatorCall> {
  override handle(input: Input): Outputs {
    return super.handle(input).map((output) => {
      if (output.kind !== 'invoke-leg' || output.call.kind !== 'posting') return output;
      const call = { ...output.call, amountMinor: output.call.amountMinor * 10 };
      return { ...output, call };
    });
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  initiator: (options) =>
    startInitiator({ ...options, createCore: (core) => new ByzantineInitiator(core) }),
});
