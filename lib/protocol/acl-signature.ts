import { createHmac } from 'node:crypto';

/**
 * The signature of a request to a broker or name server that demands one.
 *
 *     content   = the values of all header fields but Signature, by ascending name (UTF-16 code units), then the body
 *     Signature = base64(HMAC-SHA1(secret key, content))
 *
 * Nothing stands between the values. The access key is itself a header field. Opaque, flag and version aren't signed, so
 * a request that is sent again unchanged keeps its signature.
 */

export const AclField = { ACCESS_KEY: 'AccessKey', SIGNATURE: 'Signature', SECURITY_TOKEN: 'SecurityToken' } as const;

/**
 * What to do about an answer with these words, when it is about keys or permissions: those of ACL 1.0, which 4.x has, and
 * of the users and ACLs of 5.x.
 */
export function accessAdvice(remark: string): string | undefined {
  for (const [words, advice] of REFUSALS) if (words.test(remark)) return advice;
  return undefined;
}

const REFUSALS: readonly (readonly [words: RegExp, advice: string])[] = [
  [/check signature failed/i, 'acl.secretKey is not the one that belongs to acl.accessKey'],
  [/No acl config for |^User:.* is not found/, 'the broker knows no such acl.accessKey'],
  [/No accessKey is configured|username cannot be null/, "it takes signed requests only: set the option 'acl'"],
  [
    /No default permission for |has no permission to access /,
    'have the account granted it at the broker, or use another one',
  ],
  [/\.acl\.common\.AclException/, 'check acl, and what the account may do'],
];

/** What is signed. `extFields` must hold everything that will be sent, the access key too. */
export function aclContent(extFields: Readonly<Record<string, string | undefined>>, body: Buffer | undefined): Buffer {
  // The default order of sort() is by UTF-16 code unit, as Java's.
  const names = Object.keys(extFields).sort();
  let values = '';
  for (const name of names) if (name !== AclField.SIGNATURE) values += extFields[name] ?? '';
  // Java writes '?' for half a surrogate pair, Node would write U+FFFD; the broker computes what Java does.
  const head = Buffer.from(values.replace(LONE_SURROGATE, '?'));
  return body === undefined || body.length === 0 ? head : Buffer.concat([head, body]);
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

/** The value of the `Signature` field. */
export function aclSignature(content: Buffer, secretKey: string): string {
  return createHmac('sha1', Buffer.from(secretKey)).update(content).digest('base64');
}
