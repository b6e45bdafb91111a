import { RequestCode } from '../../../lib/protocol/codes.js';
import type { RemotingCommand, RequestCommand } from '../../../lib/protocol/command.js';
import { GROUP, TOPIC } from '../../support/mock-harness.js';

/** Requests of who pops, as clients make them. */

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export const INVISIBLE_MS = 20_000;

export function requestOf(code: number, fields: Fields, body?: object): RequestCommand {
  const extFields = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
  );
  return { code, extFields, ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }) };
}

/** A pop of queue 0 that does not wait. */
export function popOf(fields: Fields = {}): RequestCommand {
  return requestOf(RequestCode.POP_MESSAGE, {
    consumerGroup: GROUP,
    topic: TOPIC,
    queueId: 0,
    maxMsgNums: 32,
    invisibleTime: INVISIBLE_MS,
    pollTime: 0,
    bornTime: Date.now(),
    initMode: 0,
    ...fields,
  });
}

/** The handle of one message of a pop, as a client makes it. */
function handleOf(reply: RemotingCommand, offset: number): string {
  const { startOffsetInfo = '', popTime, invisibleTime, reviveQid } = reply.extFields;
  const start = startOffsetInfo.split(' ')[2];
  return `${start} ${popTime} ${invisibleTime} ${reviveQid} 0 broker-a 0 ${offset}`;
}

export function ackFields(reply: RemotingCommand, offset: number): Fields {
  return { consumerGroup: GROUP, topic: TOPIC, queueId: 0, offset, extraInfo: handleOf(reply, offset) };
}

export function ackOf(reply: RemotingCommand, offset: number): RequestCommand {
  return requestOf(RequestCode.ACK_MESSAGE, ackFields(reply, offset));
}

export function changeOf(reply: RemotingCommand, offset: number, invisibleTime: number): RequestCommand {
  return requestOf(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, { ...ackFields(reply, offset), invisibleTime });
}
