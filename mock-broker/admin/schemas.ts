import Type from 'typebox';
import { FaultDescriptionSchema } from '../faults/rule-schemas.js';

/** The shapes that go over HTTP. Times are milliseconds of the cluster's clock; `null` is what is not there. */

/** An object of exactly these members. */
export const exact = <Members extends Type.TProperties>(members: Members) =>
  Type.Object(members, { additionalProperties: false });
const orNull = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const NameSchema = Type.String({ minLength: 1, maxLength: 255 });
export const CountSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const TimeSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const QueueIdSchema = Type.Integer({ minimum: 0, maximum: 16_383 });
const QueueNumsSchema = Type.Integer({ minimum: 0, maximum: 16_384 });
export const PermSchema = Type.Integer({ minimum: 0, maximum: 7, description: '4 to read, 2 to write, 6 for both' });

export const ErrorSchema = exact({
  error: exact({
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String({ description: 'the member of the input that was refused' })),
  }),
});

export const DoneSchema = exact({ done: Type.Literal(true) });

/** Bytes: as text when they are one, else base64; cut at a length. */
export const BodySchema = exact({
  text: Type.Optional(Type.String()),
  base64: Type.Optional(Type.String()),
  length: CountSchema,
  cut: Type.Boolean({ description: 'whether this is only the beginning' }),
});
export type BodyView = Type.Static<typeof BodySchema>;

export const MessageSchema = exact({
  topic: Type.String(),
  broker: Type.String(),
  queueId: CountSchema,
  offset: CountSchema,
  msgId: Type.String(),
  offsetMsgId: Type.String(),
  keys: Type.Array(Type.String()),
  tags: orNull(Type.String()),
  shardingKey: orNull(Type.String()),
  properties: Type.Record(Type.String(), Type.String()),
  body: BodySchema,
  bornTimestamp: Type.Integer(),
  storeTimestamp: Type.Integer(),
  bornHost: Type.String(),
  reconsumeTimes: Type.Integer(),
});
export type MessageView = Type.Static<typeof MessageSchema>;

export const QueueSchema = exact({
  broker: Type.String(),
  queueId: CountSchema,
  minOffset: CountSchema,
  maxOffset: CountSchema,
  readable: Type.Boolean(),
  writable: Type.Boolean(),
});

export const TopicSchema = exact({
  name: Type.String(),
  kind: Type.Union([Type.Literal('normal'), Type.Literal('retry'), Type.Literal('dead-letter')]),
  messages: CountSchema,
  brokers: Type.Array(
    exact({ broker: Type.String(), readQueueNums: CountSchema, writeQueueNums: CountSchema, perm: CountSchema }),
  ),
  queues: Type.Array(QueueSchema),
});
export type TopicView = Type.Static<typeof TopicSchema>;

export const TopicInputSchema = {
  queues: Type.Optional(QueueNumsSchema),
  readQueueNums: Type.Optional(QueueNumsSchema),
  writeQueueNums: Type.Optional(QueueNumsSchema),
  perm: Type.Optional(PermSchema),
  brokers: Type.Optional(Type.Array(NameSchema, { description: 'the brokers that have it; all by default' })),
  orderTopicConf: Type.Optional(Type.String({ description: 'a fixed layout, such as broker-a:4;broker-b:4' })),
};

export const LockSchema = exact({
  clientId: Type.String(),
  lockedAt: TimeSchema,
  expiresAt: TimeSchema,
  remainingMs: Type.Integer({ description: 'until anybody may take the queue over; negative when that is so' }),
});

export const GroupQueueSchema = exact({
  topic: Type.String(),
  broker: Type.String(),
  queueId: CountSchema,
  minOffset: CountSchema,
  maxOffset: CountSchema,
  committed: orNull(CountSchema),
  delivered: orNull(
    Type.Integer({ description: 'where the latest pull of the group began: all before was handed out' }),
  ),
  lag: CountSchema,
  lock: orNull(LockSchema),
});
export type GroupQueueView = Type.Static<typeof GroupQueueSchema>;

export const GroupConfigSchema = exact({
  consumeEnable: Type.Boolean(),
  consumeBroadcastEnable: Type.Boolean(),
  retryQueueNums: Type.Integer({ minimum: 0, maximum: 16_384 }),
  retryMaxTimes: Type.Integer({ minimum: -1, maximum: 2_147_483_647 }),
  notifyConsumerIdsChangedEnable: Type.Boolean(),
});

export const GroupSchema = exact({
  name: Type.String(),
  config: orNull(GroupConfigSchema),
  messageModel: orNull(Type.String()),
  members: Type.Array(exact({ clientId: Type.String(), brokers: Type.Array(Type.String()) })),
  subscriptions: Type.Array(exact({ topic: Type.String(), expression: Type.String(), type: Type.String() })),
  queues: Type.Array(GroupQueueSchema),
  lag: CountSchema,
  deadLetters: CountSchema,
});
export type GroupView = Type.Static<typeof GroupSchema>;

export const DeadLetterSchema = exact({
  message: MessageSchema,
  originalTopic: orNull(Type.String()),
  history: Type.Array(
    exact({
      what: Type.Union([
        Type.Literal('stored'),
        Type.Literal('retried'),
        Type.Literal('dead'),
        Type.Literal('replayed'),
      ]),
      at: Type.Integer(),
      topic: Type.String(),
      broker: Type.String(),
      queueId: CountSchema,
      offset: CountSchema,
      reconsumeTimes: Type.Integer(),
    }),
  ),
});
export type DeadLetterView = Type.Static<typeof DeadLetterSchema>;

export const ReplicaSchema = exact({
  brokerId: CountSchema,
  address: Type.String(),
  running: Type.Boolean(),
  registered: Type.Boolean({ description: 'whether name servers tell clients of it' }),
  paused: Type.Boolean({ description: 'whether it hears of nothing its master stores' }),
  lagMs: CountSchema,
  behind: Type.Integer({ minimum: 0, description: 'how many changes of its master it has not seen yet' }),
});
export type ReplicaView = Type.Static<typeof ReplicaSchema>;

export const BrokerSchema = exact({
  name: Type.String(),
  brokerId: CountSchema,
  address: Type.String(),
  running: Type.Boolean(),
  registered: Type.Boolean(),
  permission: CountSchema,
  suggestedBrokerId: Type.Integer({ minimum: 0, description: 'where the answers to pulls tell clients to pull from' }),
  heldPulls: CountSchema,
  connections: Type.Array(exact({ id: CountSchema, clientId: orNull(Type.String()) })),
  replicas: Type.Array(ReplicaSchema),
});
export type BrokerView = Type.Static<typeof BrokerSchema>;

/** What a client answered. */
export const ClientAnswerSchema = exact({
  code: Type.Integer(),
  name: Type.String({ description: 'of the code' }),
  remark: orNull(Type.String()),
  ext: Type.Record(Type.String(), Type.String()),
  body: BodySchema,
});

export const NameServerSchema = exact({
  nameServer: Type.Integer({ minimum: 0, description: 'its place among the name servers, from 0 on' }),
  address: Type.String(),
  running: Type.Boolean(),
  frozen: Type.Boolean({ description: 'whether it says what it said when it was frozen' }),
  overrides: Type.Array(Type.String(), { description: 'the topics it was told something of, by itself' }),
});
export type NameServerView = Type.Static<typeof NameServerSchema>;

/** As name servers answer clients. */
export const RouteSchema = exact({
  orderTopicConf: Type.Optional(Type.String()),
  queueDatas: Type.Array(
    exact({
      brokerName: NameSchema,
      readQueueNums: QueueNumsSchema,
      writeQueueNums: QueueNumsSchema,
      perm: Type.Integer({
        minimum: 0,
        maximum: 15,
        description: '4 to read, 2 to write, 1 and 8 as brokers have them',
      }),
      topicSysFlag: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    }),
  ),
  brokerDatas: Type.Array(
    exact({
      cluster: Type.String(),
      brokerName: NameSchema,
      brokerAddrs: Type.Record(Type.String({ pattern: '^\\d{1,15}$' }), Type.String(), {
        additionalProperties: false,
        description: 'broker ids and their addresses; 0 is the master',
      }),
      enableActingMaster: Type.Boolean(),
    }),
  ),
  staticTopicBrokers: Type.Optional(Type.Array(NameSchema)),
});
export type RouteView = Type.Static<typeof RouteSchema>;

export const RouteAnswerSchema = exact({
  route: Type.Union([RouteSchema, Type.Null()], { description: 'null for "no such topic"' }),
});

export const ClockSchema = exact({ now: Type.Integer(), manual: Type.Boolean(), pendingTimers: CountSchema });
export type ClockView = Type.Static<typeof ClockSchema>;

export const ClusterSchema = exact({
  namesrvAddr: Type.String(),
  nameServers: Type.Array(NameServerSchema),
  persona: Type.String(),
  version: CountSchema,
  lockExpiryMs: CountSchema,
  clock: ClockSchema,
  brokers: Type.Array(BrokerSchema),
  topics: CountSchema,
  groups: CountSchema,
  faults: CountSchema,
  violations: CountSchema,
});
export type ClusterView = Type.Static<typeof ClusterSchema>;

export const PullSchema = exact({
  broker: Type.String(),
  topic: Type.String(),
  queueId: CountSchema,
  offset: CountSchema,
  clientId: orNull(Type.String()),
  expiresAt: Type.Integer(),
});
export type PullView = Type.Static<typeof PullSchema>;

export const DelayedSchema = exact({
  broker: Type.String(),
  dueAt: Type.Integer(),
  topic: Type.String(),
  queueId: CountSchema,
  msgId: Type.String(),
});
export type DelayedView = Type.Static<typeof DelayedSchema>;

export const JournalEntrySchema = exact({
  seq: CountSchema,
  at: Type.Integer(),
  broker: Type.String(),
  direction: Type.Union([Type.Literal('in'), Type.Literal('out')]),
  kind: Type.Union([Type.Literal('request'), Type.Literal('oneway'), Type.Literal('response')]),
  code: Type.Integer(),
  name: Type.String({ description: 'of the code' }),
  request: orNull(Type.Integer({ description: 'of a response: the code it answers' })),
  requestName: orNull(Type.String()),
  requestSeq: orNull(CountSchema),
  opaque: Type.Integer(),
  version: Type.Integer(),
  connection: CountSchema,
  clientId: orNull(Type.String()),
  remark: orNull(Type.String()),
  effect: orNull(Type.String({ description: 'what the request did, in words' })),
  ext: Type.Record(Type.String(), Type.String()),
  body: BodySchema,
});
export type JournalEntryView = Type.Static<typeof JournalEntrySchema>;

export const ViolationSchema = exact({
  kind: Type.String(),
  at: Type.Integer(),
  group: Type.String(),
  topic: Type.String(),
  broker: Type.String(),
  queueId: CountSchema,
  clientId: Type.String(),
  message: Type.String(),
  entries: Type.Array(CountSchema, { description: 'the journal entries that show it, by seq' }),
});
export type ViolationView = Type.Static<typeof ViolationSchema>;

export const StateSchema = exact({
  cluster: ClusterSchema,
  topics: Type.Array(TopicSchema),
  groups: Type.Array(GroupSchema),
  pulls: Type.Array(PullSchema),
  delayed: Type.Array(DelayedSchema),
  faults: Type.Array(FaultDescriptionSchema),
  journal: exact({ lastSeq: Type.Integer(), dropped: CountSchema }),
});
export type StateView = Type.Static<typeof StateSchema>;
