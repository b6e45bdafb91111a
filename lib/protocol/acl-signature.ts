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

/** What is signed. `extFields` must hold everything that will be sent, the access key too. */
export function aclContent(extFields: Readonly<Record<string, string | undefined>>, body: Buffer | undefined): Buffer {
  // The default order of sort() is by UTF-16 code unit, as Java's.
  const names = Object.keys(extFields).sort();
  let values = '';
  for (const name of names) if (name !== AclField.SIGNATURE) values += extFields[name] ?? '';
  const head = Buffer.from(values);
  return body === undefined || body.length === 0 ? head : Buffer.concat([head, body]);
}

/** The value of the `Signature` field. */
export function aclSignature(content: Buffer, secretKey: string): string {
  return createHmac('sha1', Buffer.from(secretKey)).update(content).digest('base64');
}
