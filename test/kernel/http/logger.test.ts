import { expect, it } from 'vitest';
import { createLogger } from '../../../src/kernel/http/logger.js';

it('writes one JSON object a line, with the name of the node and no secret', () => {
  const lines: string[] = [];
  const log = createLogger(
    { name: 'bank-a', level: 'info' },
    { write: (line) => lines.push(line) },
  );
  log.debug('unseen');
  log.info({ slot: 7, privateKey: 'hidden', node2: { statementKey: 'hidden' } }, 'decided');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    node: 'bank-a',
    node2: {},
    slot: 7,
    msg: 'decided',
  });
});
