/**
 * NATS JetStream as the broker of a participant's outbox. Needs the packages `@nats-io/transport-node` and
 * `@nats-io/jetstream`, which are not installed with this one.
 *
 * @packageDocumentation
 */

export { type NatsOptions, nats } from '../service/participant/nats/nats.js';
export type { Broker, OutboxMessage } from '../service/participant/outbox/messages.js';
