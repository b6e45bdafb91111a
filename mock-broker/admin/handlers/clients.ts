import { StateError, ValidationError } from '../../../lib/errors.js';
import { responseCodeName } from '../../../lib/protocol/codes.js';
import type { RequestCommand } from '../../../lib/protocol/command.js';
import { requestCode } from '../../faults/codes.js';
import type { InputOf } from '../contract.js';
import { notFound } from '../errors.js';
import { bodyView } from '../message-view.js';
import type { AdminHandlers } from './handler.js';

/** Requests of the cluster to its clients. */
export const clientHandlers: AdminHandlers<'callClient' | 'tellClient'> = {
  callClient: async (cluster, { client, timeoutMs, ...input }) => {
    const request = requestOf(input);
    const answer = await connected(client, () => cluster.callClient(client, request, timeoutMs));
    const { code, remark, extFields, body } = answer;
    return { code, name: responseCodeName(code), remark: remark ?? null, ext: { ...extFields }, body: bodyView(body) };
  },
  tellClient: async (cluster, { client, ...input }) => {
    const request = requestOf(input);
    return { told: await connected(client, () => cluster.tellClient(client, request)) };
  },
};

function requestOf({ code, ext, body, bodyBase64 }: Omit<InputOf<'tellClient'>, 'client'>): RequestCommand {
  if (body !== undefined && bodyBase64 !== undefined) {
    throw new ValidationError('body', 'both', 'at most one of body and bodyBase64');
  }
  return {
    code: requestCode(code, 'code'),
    ...(ext !== undefined && { extFields: ext }),
    ...(body !== undefined && { body: Buffer.from(body) }),
    ...(bodyBase64 !== undefined && { body: Buffer.from(bodyBase64, 'base64') }),
  };
}

/** @throws MockAdminError when nobody of that name is connected */
async function connected<Result>(client: string, send: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof StateError) throw notFound(`client or group ${client} that is connected`, 'client');
    throw error;
  }
}
