import { z } from 'zod';
import { hex64, isOrigin, urlField } from './cluster-file.js';

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

export const plainFields = {
  url: urlField,
  allowedOrigins: z
    .array(z.string().refine(isOrigin, 'must be an origin: scheme://host:port'))
    .max(256, 'must be at most 256'),
  /** Whether `localhost` and `127.0.0.1` are one name. */
  isLoopbackOne: z.boolean().default(false),
  tls: tlsSchema.optional(),
};

/** The plain side of a gateway, apart from how it serves HTTP. */
export type PlainService = z.output<z.ZodObject<typeof plainFields>>;
export type PlainTls = z.output<typeof tlsSchema>;

/** What contradicts itself in it, with the field at fault. */
export function checkPlain(plain: PlainService, complain: (path: string[], what: string) => void) {
  const { url, allowedOrigins, tls } = plain;
  if (tls === undefined) return;
  if (!url.startsWith('https:')) complain(['url'], 'must be an https address where "tls" is there');
  if (!tls.mayCallHttp && allowedOrigins.some((origin) => !origin.startsWith('https:'))) {
    const remedy = 'must be https, or "tls.mayCallHttp" must be true';
    complain(['allowedOrigins'], remedy);
  }
}

/** The same with its paths made absolute. */
export function withPaths<Plain extends PlainService>(
  plain: Plain,
  absolute: (path: string) => string,
): Plain {
  const { tls } = plain;
  if (tls === undefined) return plain;
  const { clients } = tls;
  const authorities = tls.authorities && absolute(tls.authorities);
  const ofClients = clients?.authorities && absolute(clients.authorities);
  return {
    ...plain,
    tls: {
      ...tls,
      certificate: absolute(tls.certificate),
      privateKey: absolute(tls.privateKey),
      ...(authorities !== undefined && { authorities }),
      ...(clients && { clients: { ...clients, ...(ofClients && { authorities: ofClients }) } }),
    },
  };
}
