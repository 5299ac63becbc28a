import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { LogOutput } from '../../../src/kernel/http/log-output.js';
import { logHealth, openLog } from '../../../src/kernel/http/logger.js';
import { temporaryDirectory } from '../support/directory.js';

const options = { name: 'bank-a', level: 'info' } as const;
/** Past what waits, whatever the pipe holds. */
const many = 30_000;

describe('a log', () => {
  it('on a full disk holds nothing up: it says so, counts, and keeps a bound', async () => {
    const file = join(await temporaryDirectory(), 'err');
    const failures: (string | undefined)[] = [];
    const full = openSync('/dev/full', 'w');
    const { log } = openLog(options, (code) => failures.push(code), {
      out: full,
      err: openSync(file, 'a'),
    });
    for (let i = 0; i < many; i += 1) log.info({ i }, 'line');
    await vi.waitFor(() => expect(failures).toEqual(['ENOSPC']));
    expect(logHealth(log)).toEqual({ logFailure: 'ENOSPC', logDropped: expect.any(Number) });
    expect(logHealth(log).logDropped).toBeLessThan(many);
    await vi.waitFor(() =>
      expect(readFileSync(file, 'utf8')).toContain('bank-a: the log cannot be written (ENOSPC)'),
    );
  });

  it('on a pipe that nobody reads holds nothing up, and says where lines are missing', async () => {
    const fifo = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const failures: (string | undefined)[] = [];
    const { log } = openLog(options, (code) => failures.push(code), {
      out: openSync(fifo, 'w'),
      err: openSync('/dev/null', 'w'),
    });
    for (let i = 0; i < many; i += 1) log.info({ i }, 'line');
    await vi.waitFor(() => expect(failures).toEqual(['EAGAIN']));
    const dropped = logHealth(log).logDropped;
    const buffer = Buffer.alloc(65_536);
    let text = '';
    await vi.waitFor(() => {
      text += buffer.toString('utf8', 0, readSync(reader, buffer));
      expect(text).toContain('log-lines-dropped');
    }, 10_000);
    expect(failures).toEqual(['EAGAIN', undefined]);
    const gap = text.split('\n').find((line) => line.includes('log-lines-dropped'));
    expect(JSON.parse(gap ?? '')).toMatchObject({ node: 'bank-a', dropped });
    closeSync(reader);
  });

  it('is written in order and whole, and to its end', async () => {
    const file = join(await temporaryDirectory(), 'log');
    const output = new LogOutput({ fd: openSync(file, 'a'), gapLine: () => '' });
    const lines = Array.from({ length: 1000 }, (_, i) => `${i}\n`);
    for (const line of lines) output.write(line);
    await output.end(10_000);
    expect(readFileSync(file, 'utf8')).toBe(lines.join(''));
  });
});
