import type { ParticipantNode } from '../../../kernel/config/node-file.js';
import type { RunningNode } from '../../../kernel/running-node.js';
import { type ParticipantNodeOptions, startParticipant } from '../participant-node.js';
import { type HttpWork, httpService } from './http-service.js';

type Shared = Omit<ParticipantNodeOptions<HttpWork>, 'operations' | 'resource'>;

/** Starts the participant in front of the service that its file names. Rejects as `startParticipant` does. */
export async function startSidecar(
  sidecar: NonNullable<ParticipantNode['sidecar']>,
  options: Shared,
): Promise<RunningNode> {
  const { node, log } = options;
  return startParticipant({
    ...options,
    ...httpService({ ...sidecar, participant: node.name, log }),
  });
}
