import { clientId, enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import type {
  OperationHandlers,
  ServiceOperation,
} from '../../../src/service/participant/operations.js';
import { OutboxLog } from '../../../src/service/participant/outbox/outbox-log.js';
import type { Resource } from '../../../src/service/participant/resource.js';
import {
  type ResourceInput,
  ResourceRunner,
} from '../../../src/service/participant/resource-runner.js';
import { type EnlistmentRef, refKey } from '../../../src/transaction/participant/messages.js';

export const ref = (number: number): EnlistmentRef => ({
  tid: transactionId(`00000000-0000-8000-8000-${String(number).padStart(12, '0')}`),
  enlistment: enlistmentId(`hotel.${number}`),
});

/** Settles what can be settled now. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Never settles. */
export const never = <Value>() => new Promise<Value>(() => {});

export const operation = (name: string): ServiceOperation => ({
  ...{ operation: name, payload: null, number: 0 },
  request: {
    ...{ client: clientId('alice/0'), timestamp: 7, name: 'alice', permits: 0 },
    ...{ application: 'travel', procedure: 'book', payload: null },
  },
});

/** A resource that notes what it is asked for; each method may be another. */
export class NotedResource implements Resource<string> {
  readonly asked: string[] = [];
  readonly #over: Partial<Resource<string>>;

  constructor(over: Partial<Resource<string>> = {}) {
    this.#over = over;
  }

  start = (...left: Parameters<Resource<string>['start']>) =>
    this.#ask('start', '', () => this.#over.start?.(...left) ?? Promise.resolve());
  begin = (of: EnlistmentRef) =>
    this.#ask('begin', refKey(of), () => this.#over.begin?.(of) ?? Promise.resolve('work'));
  prepare = (of: EnlistmentRef) =>
    this.#ask(
      'prepare',
      refKey(of),
      () =>
        this.#over.prepare?.(of) ??
        Promise.resolve({ vote: 'prepared' as const, record: Uint8Array.of(1) }),
    );
  commit = (of: EnlistmentRef) =>
    this.#ask('commit', refKey(of), () => this.#over.commit?.(of) ?? Promise.resolve([]));
  rollBack = (of: EnlistmentRef) =>
    this.#ask('rollBack', refKey(of), () => this.#over.rollBack?.(of) ?? Promise.resolve());
  close = () => this.#ask('close', '', () => this.#over.close?.() ?? Promise.resolve());

  #ask<Value>(method: string, of: string, answer: () => Promise<Value>): Promise<Value> {
    this.asked.push(`${method} ${of.slice(-1)}`.trim());
    return answer();
  }
}

/** A runner, what it gives the core, and what it logs. */
export class RunnerRig {
  readonly resource: NotedResource;
  readonly given: ResourceInput[] = [];
  readonly logged: string[] = [];
  readonly outbox = new OutboxLog(true);
  readonly runner: ResourceRunner<string>;
  /** False: the core takes nothing for now. */
  hasRoom = true;

  constructor(
    over: Partial<Resource<string>> = {},
    operations: OperationHandlers<string> = { echo: (work) => work },
    callTimeoutMs = 60_000,
  ) {
    this.resource = new NotedResource(over);
    const note = (_: object, event: string) => void this.logged.push(event);
    this.runner = new ResourceRunner({
      ...{ resource: this.resource, operations, callTimeoutMs, retryAfterMs: 2 },
      outbox: this.outbox,
      log: { info: note, warn: note, error: note } as never,
      submit: (input) => {
        if (this.hasRoom) this.given.push(input);
        return this.hasRoom;
      },
    });
  }

  get results(): unknown[] {
    return this.given.map(resultOf);
  }
}

function resultOf(input: ResourceInput): unknown {
  switch (input.kind) {
    case 'executed':
      return input.result;
    case 'voted':
      return input.vote.vote;
    case 'settled':
      return `settled ${refKey(input.ref).slice(-1)}`;
  }
}
