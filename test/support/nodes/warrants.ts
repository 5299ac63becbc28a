import { randomUUID } from 'node:crypto';
import { bankActions, type Transfer, writeTransfer } from '../../../src/banking/soap.js';
import { anonymous } from '../../../src/soap/addressing.js';
import type { MessageSigner } from '../../../src/soap/signing.js';
import { type RequestHeader, requestHeader } from '../../../src/transaction/soap/extension.js';

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
