import { decodeCommand, SerializeType, type RemotingCommand } from '../../../lib/protocol/command.js';
import { createRequest } from '../../../lib/protocol/command.js';
import { compileSql92 } from '../../../mock-broker/filter/sql92.js';
import { decodeAckMessage, decodeBatchAckMessage } from '../../../mock-broker/wire/ack-message.js';
import { decodePopMessage } from '../../../mock-broker/wire/pop-message.js';
import { decodePropertiesText } from '../../../mock-broker/wire/properties-text.js';
import { decodeQueryAssignment, decodeSetMessageRequestMode } from '../../../mock-broker/wire/query-assignment.js';
import { frameTree } from '../model/commands.js';
import { bytes, group, type Piece } from '../model/piece.js';
import type { FuzzTarget } from '../target.js';

/** What only the mock broker reads: requests of other makers' clients, expressions, configurations. */

interface Sample {
  readonly code: number;
  readonly extFields?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function seedsOf(...samples: Sample[]): Piece[] {
  return samples.flatMap(({ code, extFields = {}, body }) => {
    const content = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
    const command = createRequest({ code, extFields, ...content }, 7);
    return [frameTree(command, SerializeType.JSON), frameTree({ ...command, code: 1 }, SerializeType.ROCKETMQ)];
  });
}

function target(name: string, decode: (command: RemotingCommand) => unknown, ...samples: Sample[]): FuzzTarget {
  return { name: `mock-${name}`, seeds: seedsOf(...samples), run: (input) => decode(decodeCommand(input)) };
}

/** A character of a bit set stands for six messages, each of which is a request of its own. */
const allowBits = (input: Buffer): number => 2_048 * input.length;

const ack = {
  consumerGroup: 'G',
  topic: 'T',
  queueId: '3',
  offset: '42',
  extraInfo: '42 1700000000000 60000 0 0 broker-a 3 42',
};
const pop = {
  ...{ consumerGroup: 'G', topic: 'T', queueId: '-1', maxMsgNums: '32', invisibleTime: '60000', pollTime: '15000' },
  ...{ bornTime: '0', initMode: '0', expType: 'TAG', exp: '*', order: 'true', attemptId: 'x' },
};
const acks = [
  { c: 'G', t: 'T', r: '0', so: 42, q: 3, rq: 0, pt: 1_700_000_000_000, it: 60_000, b: 'BQ==' },
  { c: 'G', t: 'T', r: '1', so: 0, q: 0, rq: 999, pt: 1, it: 1, b: [5, 0, 1] },
]; // prettier-ignore

const names = { topic: 'T', consumerGroup: 'G', clientId: 'id', strategyName: 'AVG', messageModel: 'CLUSTERING' };

const lines = (...texts: string[]): Piece[] => texts.map((text) => group(...text.split(/(?<=[ =:(),\n])/).map(bytes)));

const filter: FuzzTarget = {
  name: 'mock-sql92',
  weight: 3,
  seeds: lines(
    "a = 'x' AND b > 5 OR (c IS NOT NULL)",
    'a BETWEEN 1 AND 2.5e3 -- comment\nAND TRUE = TRUE',
    "a NOT IN ('1', 'it''s') AND b CONTAINS 'x' /* why */",
    '- a <> +5 and not b',
  ),
  // Every second byte may be a token.
  allowance: (input) => 512 * input.length,
  run(input) {
    const matches = compileSql92(input.toString('utf8'));
    return [{}, { a: 'x', b: '6' }, { a: '1', c: '', b: 'true' }].map(matches);
  },
};

const configuration: FuzzTarget = {
  name: 'mock-properties-text',
  seeds: lines('a=b\nc : d\n# no\ne f\\u0041\\n\\:\n', 'brokerName=broker-a\r\nflush.disk=ASYNC_FLUSH\r\n'),
  run: decodePropertiesText,
};

export const mockTargets: readonly FuzzTarget[] = [
  target('ack', decodeAckMessage, { code: 51, extFields: ack }),
  { ...target('batch-ack', decodeBatchAckMessage, { code: 52, body: { brokerName: 'broker-a', acks } }), allowance: allowBits },
  target('pop', (command) => decodePopMessage(command, 1_700_000_000_000), { code: 50, extFields: pop }),
  target('assignment', decodeQueryAssignment, { code: 400, body: names }),
  target('request-mode', decodeSetMessageRequestMode, { code: 401, body: { ...names, mode: 'POP', popShareQueueNum: 2 } }),
  filter,
  configuration,
]; // prettier-ignore
