import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAddClient } from './commands/add-client.js';
import { addAdmit } from './commands/admit.js';
import { addApprove } from './commands/approve.js';
import { addBalance } from './commands/balance.js';
import { addCheck } from './commands/check.js';
import { addEnroll } from './commands/enroll.js';
import { addInit } from './commands/init.js';
import { addIssue } from './commands/issue.js';
import { addJoin } from './commands/join.js';
import { addMerge } from './commands/merge.js';
import { addNewStore } from './commands/new-store.js';
import { addProcedure } from './commands/procedure.js';
import { addProof } from './commands/proof.js';
import { addRun } from './commands/run.js';
import { addSession } from './commands/session.js';
import { addStatus } from './commands/status.js';
import { addTransfer } from './commands/transfer.js';
import { addUp } from './commands/up.js';
import { addVerify } from './commands/verify.js';
import { type ExitCode, exitCodeHelp, exitCodes, reportError } from './exit.js';

/**
 * Runs `concordat` with these arguments (without node and script) and gives its exit status.
 * Writes to standard output and standard error; never throws.
 */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = concordat((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const { verbose } = program.opts<{ verbose?: boolean }>();
    return reportError(error, verbose === true);
  }
}

function concordat(finish: (code: ExitCode) => void): Command {
  const program = new Command('concordat')
    .description('WS-AtomicTransaction among parties that do not trust each other’s machines.')
    .version(packageVersion())
    .option('--verbose', 'show the stack of an unexpected error')
    .addHelpText('after', exitCodeHelp)
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'concordat: ')),
    })
    .showHelpAfterError('("concordat help" tells more)')
    .exitOverride();
  const adders = [
    addInit,
    addAddClient,
    addUp,
    addRun,
    addTransfer,
    addProcedure,
    addBalance,
    addSession,
    addStatus,
    addProof,
    addVerify,
    addCheck,
    addNewStore,
    addEnroll,
    addApprove,
    addIssue,
    addAdmit,
    addJoin,
    addMerge,
  ] as const;
  for (const add of adders) add(program, finish);
  return program;
}

/** Found from the sources as well as from the compiled output. */
function packageVersion(): string {
  const candidates = ['../../package.json', '../../../package.json'];
  const file = candidates
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  const manifest: unknown = file && JSON.parse(readFileSync(file, 'utf8'));
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return known ? String(manifest.version) : 'unknown';
}
