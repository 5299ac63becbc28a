import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
} from '../agreement/check-signature.js';
import { WireError } from '../kernel/codec/bytes.js';
import { sha256 } from '../kernel/digest.js';
import type { ReplicaId } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import { encodeBatch } from './batch-codec.js';
import { checkShared } from './check-certificates.js';
import { instanceClient } from './instance-types.js';
import { decodeSettlement } from './settlement-codec.js';
import type { Batch, OrderingRequest, SharedCertificate, SpecOrder, SpecReply } from './types.js';

/** Signed by the replica whose space it is in. Which replica passed it on does not matter. */
export function checkSpecOrder(keyring: Keyring, { order, batch }: SpecOrder): Finding {
  return (
    checkValueOf(order.statement, batch) ??
    checkSpecReply(keyring, order.statement.instance.space, order)
  );
}

export function checkSpecReply(
  keyring: Keyring,
  from: ReplicaId,
  reply: Signed<SpecReply>,
): Finding {
  return checkForm(keyring, reply.statement) ?? checkSignature(keyring, replicaSigner(from), reply);
}

/** All replicas said the same. */
export function checkFastInstance(
  keyring: Keyring,
  replies: SharedCertificate<SpecReply>,
  batch: Batch,
): Finding {
  return (
    checkForm(keyring, replies.statement) ??
    checkValueOf(replies.statement, batch) ??
    atLeast(keyring.resilience.n, replies.signatures, 'replies') ??
    checkShared(keyring, replies)
  );
}

/** The Decision Module's command: what `n - f` replicas or more said of the instance that it is named for. */
export function checkSettlement(keyring: Keyring, request: OrderingRequest): Finding {
  try {
    const { said } = decodeSettlement(keyring.cluster.id, request.payload);
    const { n, f } = keyring.resilience;
    return (
      atLeast(n - f, said, 'replies') ??
      firstFinding(said, ({ replica, reply }) => {
        const { instance } = reply.statement;
        const isNamed =
          instance.index === request.number && instanceClient(instance.space) === request.client;
        return (
          mismatchUnless(isNamed, 'instance of a command') ??
          checkSpecReply(keyring, replica, reply)
        );
      })
    );
  } catch (error) {
    if (error instanceof WireError) return { code: 'mismatch', what: 'form of a command' };
    throw error;
  }
}

function checkForm(keyring: Keyring, { instance, value }: SpecReply): Finding {
  const { n } = keyring.resilience;
  const isWhole = instance.space < n && instance.index > 0;
  const isChained =
    !value || (value.deps.length === n && value.deps[instance.space] === instance.index - 1);
  return mismatchUnless(isWhole && isChained, 'form of an instance');
}

function checkValueOf({ value }: SpecReply, batch: Batch): Finding {
  return mismatchUnless(value?.digest === sha256(encodeBatch(batch)), 'digest of a batch');
}
