import { randomUUID } from 'node:crypto';
import { anonymous } from '../../../src/edge/soap/addressing.js';
import { bankActions, type Transfer, writeTransfer } from '../../../src/edge/soap/banking.js';
import { type RequestHeader, requestHeader } from '../../../src/edge/soap/extension.js';
import type { MessageSigner } from '../../../src/edge/soap/security.js';

/** A transfer as its client signs it for an initiator. */
export function signedTransfer(
  signer: MessageSigner,
  header: RequestHeader,
  transfer: Transfer,
  action: string = bankActions.transfer,
): Uint8Array {
  const text = signer.sign({
    version: '1.2',
    addressing: {
      to: 'http://initiator.test/transfer',
      action,
      messageId: `urn:uuid:${randomUUID()}`,
      replyTo: anonymous,
    },
    headers: [requestHeader(header)],
    body: writeTransfer(transfer),
  });
  return Buffer.from(text);
}
