import { ConfigError } from '../../kernel/config/config-error.js';
import { exportsText, importModule } from '../../kernel/config/module.js';
import type { RunningNode } from '../../kernel/running-node.js';
import type { Broker } from './outbox/messages.js';
import { type ParticipantNodeOptions, startParticipant } from './participant-node.js';

type Own = Pick<ParticipantNodeOptions<unknown>, 'operations' | 'resource' | 'protocol' | 'broker'>;
type Shared = Omit<ParticipantNodeOptions<unknown>, keyof Own>;

/**
 * Starts the participant whose operations and resource are in the module that its file names. Throws `ConfigError`
 * where there is no such module, or where it exports no participant, and says what to do; else as `startParticipant`.
 */
export async function startService(path: string, options: Shared): Promise<RunningNode> {
  const what = `${options.node.name}: service`;
  const module = await importModule(what, path);
  const { participant } = module;
  if (!isParticipant(participant)) {
    throw new ConfigError(
      `${what}: ${path}: export "participant", an object with "operations" (functions, or one for all) and "resource" (with ${methods.join(', ')}), and where it sends messages "broker" (with publish, close), and "protocol" where it is "volatile"; ${exportsText(module)}`,
    );
  }
  return startParticipant({ ...options, ...ownOf(participant) });
}

function ownOf({ operations, resource, protocol, broker }: Own): Own {
  return { operations, resource, ...(protocol && { protocol }), ...(broker && { broker }) };
}

/** Sees that the parts are there; what they take and give, only running them shows. */
function isParticipant(value: unknown): value is Own {
  if (typeof value !== 'object' || value === null) return false;
  const { operations, resource, protocol, broker } = value as Partial<Record<keyof Own, unknown>>;
  const isProtocol = protocol === undefined || protocol === 'durable' || protocol === 'volatile';
  return isProtocol && isResource(resource) && isOperations(operations) && isBroker(broker);
}

function isOperations(value: unknown): boolean {
  return isFunction(value) || (isObject(value) && Object.values(value).every(isFunction));
}

function isBroker(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  const { publish, close }: Partial<Record<keyof Broker, unknown>> = value;
  return isFunction(publish) && isFunction(close);
}

const methods = ['start', 'begin', 'prepare', 'commit', 'rollBack', 'close'] as const;

function isResource(value: unknown): boolean {
  if (!isObject(value)) return false;
  const found: Partial<Record<(typeof methods)[number], unknown>> = value;
  return methods.every((method) => isFunction(found[method]));
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isFunction = (value: unknown) => typeof value === 'function';
