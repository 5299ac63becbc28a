import { z } from 'zod';
import { hex64, isOrigin, nameField, urlField } from './cluster-file.js';

const mustBePath = 'must be a path, relative to this file or absolute';
export const pathField = z.string(mustBePath).min(1, mustBePath);

const listMax = 64;
const list = <Field extends z.ZodType>(field: Field) =>
  z.array(field).min(1, 'must not be empty').max(listMax, `must be at most ${listMax}`);

/** As `openssl x509 -fingerprint -sha256` prints it, or 64 hexadecimal digits. */
const fingerprintField = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(hex64('the SHA-256 fingerprint of a certificate'));

const subjectsField = list(
  z.string().min(1).max(1024, 'must be at most 1024 characters'),
).optional();

/** Which certificates clients show at the plain side. */
const tlsClientsSchema = z
  .strictObject({
    need: z.enum(['required', 'optional'], 'must be "required" or "optional"').default('required'),
    /** PEM file of the authorities whose certificates are taken. */
    authorities: pathField.optional(),
    /** Of those, the subjects that are taken, as `CN=a,O=b`; all unless given. */
    subjects: subjectsField,
    /** Certificates that are taken by themselves. */
    fingerprints: list(fingerprintField).optional(),
  })
  .refine(({ authorities, fingerprints }) => authorities ?? fingerprints, {
    message: 'must have "authorities" or "fingerprints"',
  })
  .refine(({ authorities, subjects }) => authorities !== undefined || subjects === undefined, {
    path: ['subjects'],
    message: 'must not be there without "authorities"',
  });

/** TLS of the plain side, as server and as client. Paths are those of PEM files. */
const tlsSchema = z.strictObject({
  /** The certificate, and after it those between it and its authority. */
  certificate: pathField,
  privateKey: pathField,
  /** The authorities of the servers that are called; those that Node.js knows unless given. */
  authorities: pathField.optional(),
  clients: tlsClientsSchema.optional(),
  /** Whether `http:` addresses of plain software may be called all the same. */
  mayCallHttp: z.boolean('must be true or false').default(false),
});

const originField = z.string().refine(isOrigin, 'must be an origin: scheme://host:port');

/** Plain software that signs its messages. */
const peerSchema = z
  .strictObject({
    name: nameField,
    /** Where it is called: what goes there is signed, and what is registered there. */
    origins: list(originField),
    /** PEM file of its certificates. */
    certificates: pathField.optional(),
    /** PEM file of authorities, whose certificates for one of `subjects` are its own. */
    authorities: pathField.optional(),
    subjects: subjectsField,
  })
  .refine(({ certificates, authorities }) => certificates ?? authorities, {
    message: 'must have "certificates" or "authorities"',
  })
  .refine((peer) => (peer.authorities === undefined) === (peer.subjects === undefined), {
    path: ['subjects'],
    message: 'must be there with "authorities", and not without',
  });

/** Messages that are signed, both ways. */
const signaturesSchema = z.strictObject({
  /** What the gateway signs by: P-256, or RSA of 2048 to 8192 bits. */
  certificate: pathField,
  privateKey: pathField,
  peers: list(peerSchema),
  /** Whether messages of others are taken, which have no signature. */
  takesUnsigned: z.boolean('must be true or false').default(false),
});

export const plainFields = {
  url: urlField,
  allowedOrigins: z.array(originField).max(256, 'must be at most 256'),
  /** Whether `localhost` and `127.0.0.1` are one name. */
  isLoopbackOne: z.boolean().default(false),
  tls: tlsSchema.optional(),
  signatures: signaturesSchema.optional(),
};

/** The plain side of a gateway, apart from how it serves HTTP. */
export type PlainService = z.output<z.ZodObject<typeof plainFields>>;
export type PlainTls = z.output<typeof tlsSchema>;
export type PlainSignatures = z.output<typeof signaturesSchema>;

/** What contradicts itself in it, with the field at fault. */
export function checkPlain(plain: PlainService, complain: (path: string[], what: string) => void) {
  const { url, allowedOrigins, tls, signatures } = plain;
  const peers = signatures?.peers ?? [];
  if (new Set(peers.map(({ name }) => name)).size < peers.length) {
    complain(['signatures', 'peers'], 'must not have a name twice');
  }
  const origins = peers.flatMap((peer) => peer.origins);
  if (new Set([...origins, ...allowedOrigins]).size < origins.length + allowedOrigins.length) {
    complain(['signatures', 'peers'], 'must not have an origin twice, nor one of "allowedOrigins"');
  }
  if (tls === undefined) return;
  if (!url.startsWith('https:')) complain(['url'], 'must be an https address where "tls" is there');
  if (tls.mayCallHttp) return;
  if ([...allowedOrigins, ...origins].some((origin) => !origin.startsWith('https:'))) {
    complain(['allowedOrigins'], 'must be https, as of peers, or "tls.mayCallHttp" must be true');
  }
}

/** Fields of files, wherever they are. */
const fileFields: ReadonlySet<string> = new Set([
  'certificate',
  'privateKey',
  'authorities',
  'certificates',
]);

/** The same with the paths in `tls` and `signatures` made absolute. */
export function withPaths<Plain extends PlainService>(
  plain: Plain,
  absolute: (path: string) => string,
): Plain {
  return {
    ...plain,
    ...(plain.tls && { tls: withFiles(plain.tls, absolute) }),
    ...(plain.signatures && { signatures: withFiles(plain.signatures, absolute) }),
  };
}

function withFiles<Value>(value: Value, absolute: (path: string) => string): Value {
  const resolved: unknown = JSON.parse(JSON.stringify(value), (key, field: unknown) =>
    fileFields.has(key) && typeof field === 'string' ? absolute(field) : field,
  );
  return resolved as Value;
}
