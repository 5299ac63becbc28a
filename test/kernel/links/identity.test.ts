import { expect, it } from 'vitest';
import { tlsFailure } from '../../../src/kernel/links/identity.js';

it('says on one line why TLS failed', () => {
  const message =
    '80AB:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../rec_layer_s3.c:1605:\n';
  expect(tlsFailure(Object.assign(new Error(message), { reason: 'tlsv1 alert unknown ca' }))).toBe(
    'tlsv1 alert unknown ca',
  );
  expect(tlsFailure(new Error('unable to verify\nmore'))).toBe('unable to verify');
});
