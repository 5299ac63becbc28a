import { beforeAll, describe, expect, it } from 'vitest';
import { Keyring } from '../../../src/kernel/keys.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import {
  problemJson,
  readProblem,
  type SessionProblem,
  SessionProblemError,
} from '../../../src/session/http/problem.js';
import { readSubmission, submissionJson } from '../../../src/session/http/run-json.js';
import {
  answerJson,
  eventJson,
  readAnswer,
  readEvent,
} from '../../../src/session/http/status-json.js';
import { Owners, verifyRun } from '../../../src/session/owners.js';
import type { SessionRun } from '../../../src/session/types.js';
import { done, OwnerWorld } from '../node/support/owner.js';

let world: OwnerWorld;
let run: SessionRun;
beforeAll(async () => {
  world = await OwnerWorld.make();
  run = world.run('{"do":"this"}', ' <&> \r\n\u{1f600}');
});

/** What the other end gets. */
const sent = (json: object): unknown => JSON.parse(JSON.stringify(json));

function problemOf(read: () => unknown): SessionProblem | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof SessionProblemError) return error.data;
    throw error;
  }
}

describe('a submission as JSON', () => {
  it('reads what it writes, so that the signature is still good', () => {
    const submission = { run, commit: true };
    const read = readSubmission(sent(submissionJson(submission)));
    expect(read).toEqual(submission);
    expect(verifyRun(Owners.of(world.setting.cluster), read.run).ok).toBe(true);
  });

  const good = (): Record<string, unknown> & { run: Record<string, unknown> } =>
    JSON.parse(JSON.stringify(submissionJson({ run, commit: false })));

  it('takes no commit for none', () => {
    const { commit: _, ...rest } = good();
    expect(readSubmission(rest).commit).toBe(false);
  });

  it.each<[string, (json: ReturnType<typeof good>) => unknown, RegExp]>([
    ['nothing', () => undefined, /expected object/],
    ['a list', () => [], /expected object/],
    ['a field nobody knows', (json) => ({ ...json, more: 1 }), /more/],
    ['a run without operations', (json) => set(json, ['operations'], []), /operations: must not/],
    ['an odd operation', (json) => set(json, ['operations'], [{ kind: 'x' }]), /operations\.0/],
    ['an operation 0', (json) => set(json, ['first'], 0), /first: must be at least 1/],
    ['a fraction', (json) => set(json, ['first'], 1.5), /first: must be a whole/],
    [
      'a head in capitals',
      (json) => set(json, ['before'], 'A'.repeat(64)),
      /before: must be a SHA/,
    ],
    ['a short nonce', (json) => set(json, ['header', 'nonce'], 'ab'), /header\.nonce: must be 16/],
    [
      'a path as a name',
      (json) => set(json, ['header', 'owner'], '../x'),
      /header\.owner: must be/,
    ],
    ['loose base64', (json) => set(json, ['signature'], 'YQ'), /signature: must be base64/],
  ])('refuses %s', (_, change, reason) => {
    const problem = problemOf(() => readSubmission(change(good())));
    expect(problem).toMatchObject({ code: 'malformed', reason: expect.stringMatching(reason) });
  });
});

/** The JSON of a submission with one field of its run changed. */
function set(
  json: { run: Record<string, unknown> },
  path: readonly string[],
  value: unknown,
): object {
  const changed = structuredClone(json);
  const last = path.at(-1) ?? '';
  const parent = path
    .slice(0, -1)
    .reduce((at, key) => at[key] as Record<string, unknown>, changed.run);
  parent[last] = value;
  return changed;
}

describe('an answer as JSON', () => {
  it('reads what it writes, so that all that is signed still verifies', () => {
    const { cluster } = world.setting;
    const { head, session } = world;
    const statuses = [
      world.provisional(1, head, done('one')),
      world.witnessed(2, head, { kind: 'rejected', reason: 'sold' }),
      world.final('committed', 3, head, done('three')),
      { ...world.final('changed', 4, head, done('four')), simulated: done('4') },
      world.final('aborted', 5, head, { kind: 'rejected', reason: 'no' }),
    ].map((status, index) => ({ sequence: index + 1, status }));
    const answer = { session, next: 6, statuses };
    const read = readAnswer(cluster.id, sent(answerJson(answer)));
    expect(read).toEqual(answer);
    const keyring = Keyring.of(cluster);
    for (const { status } of read.statuses) {
      if ('proof' in status) expect(verifyOperationProof(keyring, status.proof).ok).toBe(true);
      else
        expect(
          keyring.verifies(
            { role: 'replica', id: status.receipt.statement.replica },
            status.receipt.bytes,
            status.receipt.signature,
          ),
        ).toBe(true);
    }
  });

  it('reads events by their names', () => {
    const { cluster } = world.setting;
    const status = world.provisional(1, world.head, done('one'));
    const operation = { kind: 'operation', sequence: 1, status } as const;
    const read = (name: string, event: Parameters<typeof eventJson>[0]) =>
      readEvent(cluster.id, name, JSON.stringify(eventJson(event)));
    expect(read('operation', operation)).toEqual(operation);
    const doubted = { kind: 'doubted', sequence: 1, by: 2 } as const;
    expect(read('doubted', doubted as never)).toEqual(doubted);
    expect(read('message', operation)).toBeUndefined();
  });

  it('throws at anything else', () => {
    const { id } = world.setting.cluster;
    expect(() => readAnswer(id, { session: world.session, next: 1 })).toThrow();
    expect(() => readEvent(id, 'operation', '{}')).toThrow();
  });
});

describe('a problem as JSON', () => {
  it.each<SessionProblem>([
    { code: 'gap', next: 3 },
    { code: 'conflict', sequence: 2 },
    { code: 'ended' },
    { code: 'unknown-application', name: 'shop' },
    { code: 'unknown-session' },
    { code: 'unknown-key' },
    { code: 'busy', retryAfterMs: 250, reason: 'full' },
    { code: 'malformed', reason: 'x' },
    { code: 'not-owner', reason: 'y' },
    { code: 'too-large', reason: 'w' },
    { code: 'unavailable', reason: 'z' },
  ])('reads what it writes: $code', (problem) => {
    const json = sent(problemJson(problem));
    expect(json).toMatchObject({ error: problem.code, message: expect.any(String) });
    expect(readProblem(json)).toEqual(problem);
  });

  it('knows no others', () => {
    expect(readProblem({ error: 'internal' })).toBeUndefined();
    expect(readProblem('<html>')).toBeUndefined();
  });
});
