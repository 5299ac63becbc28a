import type { Digest } from '../../vocabulary/ids.js';
import { failed, ok, type Result } from '../../vocabulary/result.js';
import { lastOf, type SessionRun, type VerifiedRun } from '../../vocabulary/session.js';
import { WireError } from '../../wire/index.js';
import { encodeRun } from '../../wire/session/index.js';
import { type Finding, mismatchUnless, type VerificationError } from '../verification-error.js';
import { headsOf, ownerText, sessionIdOf } from './chain.js';
import type { Owners } from './owners.js';

/**
 * Checks a run's form and bounds, that the certificate is the owner's and a client's of the cluster, and
 * that the owner signed the last head. Whether it fits the session is the core's to judge.
 */
export function verifyRun(owners: Owners, run: SessionRun): Result<VerifiedRun, VerificationError> {
  const form = formOf(run);
  if (form) return failed(form);
  const session = sessionIdOf(owners.cluster, run.header);
  const heads = headsOf(run);
  const finding =
    mismatchUnless(run.first > 1 || run.before === session, 'session and head before a run') ??
    signatureOf(owners, run, ownerText(owners.cluster, session, lastOf(run), lastHead(run, heads)));
  return finding ? failed(finding) : ok({ run, session, heads } as unknown as VerifiedRun);
}

function lastHead(run: SessionRun, heads: readonly Digest[]): Digest {
  return heads.at(-1) ?? run.before;
}

function formOf(run: SessionRun): Finding {
  try {
    encodeRun(run);
  } catch (error) {
    if (error instanceof WireError) return { code: 'mismatch', what: `form: ${error.message}` };
    throw error;
  }
  return mismatchUnless(Number.isSafeInteger(lastOf(run) + 1), 'numbers of a run');
}

function signatureOf(owners: Owners, run: SessionRun, text: Uint8Array): Finding {
  const owner = owners.ownerOf(run.header.certificate);
  if (!owner) return { code: 'mismatch', what: 'certificate and authority' };
  return (
    mismatchUnless(owner.name === run.header.owner, 'certificate and owner') ??
    mismatchUnless(owners.verifies(owner, text, run.signature), 'signature and owner')
  );
}
