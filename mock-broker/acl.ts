import { aclContent, aclSignature } from '../lib/protocol/acl-signature.js';
import { ResponseCode } from '../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../lib/protocol/command.js';

/** The refusal of a request that isn't signed with the one key a broker accepts; undefined when it is. */
export function checkSignature(
  acl: { readonly accessKey: string; readonly secretKey: string } | undefined,
  command: RemotingCommand,
): ResponseCommand | undefined {
  if (acl === undefined) return undefined;
  const { AccessKey: accessKey, Signature: signature } = command.extFields;
  if (accessKey === undefined) return refusal('No accessKey is configured');
  if (accessKey !== acl.accessKey) return refusal(`No acl config for ${accessKey}`);
  const expected = aclSignature(aclContent(command.extFields, command.body), acl.secretKey);
  return signature === expected ? undefined : refusal(`Check signature failed for accessKey=${accessKey}`);
}

function refusal(reason: string): ResponseCommand {
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `org.apache.rocketmq.acl.common.AclException: ${reason}`,
  };
}
