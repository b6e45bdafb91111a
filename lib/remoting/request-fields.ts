import { aclContent, AclField, aclSignature } from '../protocol/acl-signature.js';
import type { RequestCommand } from '../protocol/command.js';

/** Access key and secret of the broker's ACL. */
export interface AclCredentials {
  readonly accessKey: string;
  /** Never sent: requests are signed with it. */
  readonly secretKey: string;
  /** A temporary token, sent with each request. */
  readonly securityToken?: string;
}

export interface FieldOptions {
  readonly acl?: AclCredentials | undefined;
  /** Sent as `ns` with each request; names stay as they are. */
  readonly namespaceV2?: string | undefined;
}

type Fields = Readonly<Record<string, string | undefined>>;

/**
 * The header fields a request is sent with. The signature comes last because it covers all other fields and the body:
 * namespace first, then access key and token, then the signature over them.
 */
export function requestFields(command: RequestCommand, options: FieldOptions): Fields | undefined {
  const { acl, namespaceV2 } = options;
  if (acl === undefined && namespaceV2 === undefined) return command.extFields;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(command.extFields ?? {})) if (value !== undefined) fields[name] = value;
  if (namespaceV2 !== undefined) {
    fields['nsd'] = 'true';
    fields['ns'] = namespaceV2;
  }
  if (acl !== undefined) {
    fields[AclField.ACCESS_KEY] = acl.accessKey;
    if (acl.securityToken !== undefined) fields[AclField.SECURITY_TOKEN] = acl.securityToken;
    fields[AclField.SIGNATURE] = aclSignature(aclContent(fields, command.body), acl.secretKey);
  }
  return fields;
}
