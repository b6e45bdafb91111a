import Type from 'typebox';
import { RequestCodeSchema } from '../faults/rule-schemas.js';
import { CountSchema, exact, NameSchema, QueueIdSchema } from './schemas.js';

/** What several operations take, or one takes much of. */

const int32 = { minimum: -2_147_483_648, maximum: 2_147_483_647 };
const base64 = '^[A-Za-z0-9+/]*={0,2}$';

export const port = Type.Integer({ minimum: 0, maximum: 65_535, description: '0: any free one' });
export const brokerId = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '0 is the master' });
export const nameServer = Type.Integer({ minimum: 0, maximum: 15, description: 'its place among them, from 0 on' });
export const replica = { broker: NameSchema, brokerId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) };

/** How a broker comes up. */
export const startOptions = {
  keepData: Type.Optional(Type.Boolean({ description: 'false: its messages and offsets are gone' })),
  keepLocks: Type.Optional(Type.Boolean({ description: 'true: it still knows who holds which queue' })),
  port: Type.Optional(port),
};

const body = {
  body: Type.Optional(Type.String({ description: 'as text' })),
  bodyBase64: Type.Optional(Type.String({ pattern: base64 })),
};

/** What is sent to a client. */
export const clientRequest = {
  client: Type.String({ minLength: 1, maxLength: 255, description: 'a client id, or a consumer or producer group' }),
  code: RequestCodeSchema,
  ext: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'header fields' })),
  ...body,
};

/** A message to store, and how often. */
export const produced = {
  ...body,
  tags: Type.Optional(Type.String({ maxLength: 1000 })),
  keys: Type.Optional(Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 100 })),
  shardingKey: Type.Optional(Type.String({ maxLength: 1000, description: 'also chooses the queue' })),
  properties: Type.Optional(Type.Record(Type.String(), Type.String())),
  broker: Type.Optional(NameSchema),
  queueId: Type.Optional(QueueIdSchema),
  delayLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 18 })),
  compression: Type.Optional(Type.Enum(['zlib', 'lz4', 'zstd'], { description: 'store the body compressed' })),
  innerBatch: Type.Optional(
    Type.Array(exact({ body: Type.String(), tags: Type.Optional(Type.String()), keys: Type.Optional(Type.String()) }), {
      minItems: 1,
      maxItems: 1000,
      description: 'instead of a body: several, as one record',
    }),
  ),
  storedBodyBase64: Type.Optional(
    Type.String({ pattern: base64, description: 'instead of a body: stored as it is, whatever sysFlag says' }),
  ),
  sysFlag: Type.Optional(Type.Integer({ ...int32, description: 'what compression and innerBatch need by default' })),
  flag: Type.Optional(Type.Integer(int32)),
  reconsumeTimes: Type.Optional(Type.Integer({ ...int32, minimum: 0 })),
  bornTimestamp: Type.Optional(CountSchema),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'store it so many times' })),
};
