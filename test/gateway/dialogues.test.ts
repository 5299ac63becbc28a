import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import type { DialogueInput } from '../../src/gateway/core/messages.js';
import { Dialogues } from '../../src/gateway/node/dialogues.js';
import { clientId } from '../../src/kernel/ids.js';
import { RequestError, type RequestErrorCode } from '../../src/service/client/request-error.js';
import { activity, tid } from './support/gateway-rig.js';

/** Asks for a commit of initiators that answer by these errors, the last of them for ever. */
function commitRefusedBy(...codes: RequestErrorCode[]) {
  const given: DialogueInput[] = [];
  let asked = 0;
  const timing = { resendAfterMs: 1, defaultExpiresMs: 1, voteTimeoutMs: 1, suspectAfterMs: 1 };
  const resume = async () => {
    const code = codes[Math.min(asked, codes.length - 1)] ?? 'timeout';
    asked += 1;
    throw new RequestError(code, 'no outcome');
  };
  const log = pino({ level: 'silent' });
  const dialogues = new Dialogues({
    client: { resume },
    timing,
    log,
    submit: (it) => given.push(it),
  });
  const request = { client: clientId('gw/1'), timestamp: 1 };
  dialogues.finish({ kind: 'finish', activity, request, tid, decision: 'commit' });
  return { dialogues, given, asked: () => asked };
}

it('asks for a commit until the initiators have forgotten it, and then no more', async () => {
  const { given, asked } = commitRefusedBy('timeout', 'disagreement', 'too-old');
  await vi.waitFor(() => expect(given).toEqual([{ kind: 'lost', activity }]));
  expect(asked()).toBe(3);
});

it('asks on where it is refused otherwise: its own clock may be wrong', async () => {
  const { dialogues, given, asked } = commitRefusedBy('refused');
  await vi.waitFor(() => expect(asked()).toBeGreaterThan(5));
  dialogues.stop();
  expect(given).toEqual([]);
});
