import Type from 'typebox';
import { FaultDescriptionSchema, FaultRuleSchema } from '../faults/rule-schemas.js';
import { brokerId, clientRequest, nameServer, port, produced, replica, startOptions } from './inputs.js';
import type { OperationName } from './operations.js';
import {
  BrokerSchema, ClientAnswerSchema, ClockSchema, ClusterSchema, CountSchema, DeadLetterSchema, DelayedSchema, DoneSchema, exact, GroupConfigSchema, GroupSchema, JournalEntrySchema, MessageSchema, NameSchema,
  NameServerSchema, PermSchema, PullSchema, QueueIdSchema, ReplicaSchema, RouteAnswerSchema, StateSchema, TopicInputSchema, TopicSchema, ViolationSchema,
} from './schemas.js'; // prettier-ignore

/**
 * What each operation takes and answers. From here come the checks of what comes in, the OpenAPI document, and the types
 * of the handlers and the client.
 */

export interface Contract {
  readonly tag: string;
  readonly summary: string;
  readonly input: Type.TObject;
  readonly answer: Type.TSchema;
  /** @default 200 */
  readonly status?: number;
  /** The handler has a check of its own, with better words. @default false */
  readonly parsedByHandler?: boolean;
}

const none = exact({});
const listOf = <Schema extends Type.TSchema>(schema: Schema) => exact({ items: Type.Array(schema) });
const queue = { topic: NameSchema, broker: NameSchema, queueId: QueueIdSchema };
const pageLimit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'how many at most; 100 by default' })); // prettier-ignore
const Done = DoneSchema;
export const CONTRACT = {
  getCluster: { tag: 'cluster', summary: 'Addresses, brokers, clock and counts', input: none, answer: ClusterSchema },
  getState: { tag: 'cluster', summary: 'All that the console shows', input: none, answer: StateSchema },

  listTopics: { tag: 'topics', summary: 'All topics with their queues', input: none, answer: listOf(TopicSchema) },
  createTopic: {
    tag: 'topics',
    summary: 'Make a topic, or change one that is there',
    input: exact({ name: NameSchema, ...TopicInputSchema }),
    answer: TopicSchema,
    status: 201,
  },
  getTopic: { tag: 'topics', summary: 'One topic', input: exact({ topic: NameSchema }), answer: TopicSchema },
  updateTopic: {
    tag: 'topics',
    summary: 'Change a topic; what is left out stays',
    input: exact({ topic: NameSchema, ...TopicInputSchema }),
    answer: TopicSchema,
  },
  deleteTopic: {
    tag: 'topics',
    summary: "Delete a topic, its messages and everybody's offsets in it",
    input: exact({ topic: NameSchema }),
    answer: Done,
  },
  expireMessages: {
    tag: 'topics',
    summary: 'Forget the messages of a queue before an offset, as after their retention',
    input: exact({ ...queue, beforeOffset: CountSchema }),
    answer: Done,
  },

  listMessages: {
    tag: 'messages',
    summary: 'The messages of a queue, a page at a time',
    input: exact({ ...queue, from: Type.Optional(CountSchema), limit: pageLimit }),
    answer: exact({
      items: Type.Array(MessageSchema),
      next: Type.Union([CountSchema, Type.Null()], { description: '`from` of the next page' }),
    }),
  },
  produce: {
    tag: 'messages',
    summary: 'Store a message',
    input: exact({ topic: NameSchema, ...produced }),
    answer: exact({
      items: Type.Array(
        exact({
          msgId: Type.String(),
          offsetMsgId: Type.String(),
          broker: Type.String(),
          queueId: CountSchema,
          offset: CountSchema,
        }),
      ),
    }),
    status: 201,
  },
  findMessages: {
    tag: 'messages',
    summary: 'Messages by one of their keys, or by their id',
    input: exact({ topic: NameSchema, key: NameSchema, limit: pageLimit }),
    answer: listOf(MessageSchema),
  },
  getMessage: {
    tag: 'messages',
    summary: 'One message with its whole body',
    input: exact({ ...queue, offset: CountSchema }),
    answer: MessageSchema,
  },
  listDelayed: {
    tag: 'messages',
    summary: 'Messages that wait to be seen',
    input: none,
    answer: listOf(DelayedSchema),
  },
  listPulls: { tag: 'brokers', summary: 'Pulls that wait for messages', input: none, answer: listOf(PullSchema) },

  listGroups: { tag: 'groups', summary: 'All consumer groups', input: none, answer: listOf(GroupSchema) },
  getGroup: {
    tag: 'groups',
    summary: 'Members, subscriptions, offsets, lag and locks of a group',
    input: exact({ group: NameSchema }),
    answer: GroupSchema,
  },
  updateGroup: {
    tag: 'groups',
    summary: 'Make a group, or change its configuration at the brokers; what is left out stays',
    input: exact({ group: NameSchema, ...Type.Partial(GroupConfigSchema).properties }),
    answer: GroupSchema,
  },
  setOffset: {
    tag: 'groups',
    summary: 'Commit an offset on behalf of a group',
    input: exact({ group: NameSchema, ...queue, offset: CountSchema }),
    answer: Done,
  },
  resetOffset: {
    tag: 'groups',
    summary: 'Have a group consume from another place',
    input: exact({
      group: NameSchema,
      topic: NameSchema,
      mode: Type.Union([Type.Literal('server'), Type.Literal('push')], {
        description: 'server: the next pull is answered with it; push: the members are told',
      }),
      timestamp: Type.Optional(
        Type.Integer({ description: 'the first message stored then or later; negative for the end' }),
      ),
      offset: Type.Optional(CountSchema),
      broker: Type.Optional(NameSchema),
      queueId: Type.Optional(QueueIdSchema),
    }),
    answer: listOf(exact({ topic: Type.String(), broker: Type.String(), queueId: CountSchema, offset: CountSchema })),
  },
  stealLock: {
    tag: 'groups',
    summary: "Give a queue's lock to a client, whoever holds it",
    input: exact({ group: NameSchema, ...queue, clientId: NameSchema }),
    answer: Done,
  },
  notifyGroup: {
    tag: 'groups',
    summary: 'Tell all members that the list of members changed',
    input: exact({ group: NameSchema }),
    answer: Done,
  },
  listDeadLetters: {
    tag: 'groups',
    summary: 'The dead letters of a group, each with what became of its message',
    input: exact({ group: NameSchema, limit: pageLimit }),
    answer: listOf(DeadLetterSchema),
  },
  replayDeadLetter: {
    tag: 'groups',
    summary: 'Store a dead letter once more in its original topic',
    input: exact({ group: NameSchema, broker: NameSchema, queueId: QueueIdSchema, offset: CountSchema }),
    answer: MessageSchema,
    status: 201,
  },

  listBrokers: { tag: 'brokers', summary: 'All brokers', input: none, answer: listOf(BrokerSchema) },
  addBroker: {
    tag: 'brokers',
    summary: 'Add a broker and start it; it has no topics yet',
    input: exact({
      name: Type.Optional(
        Type.String({ minLength: 1, maxLength: 255, description: 'broker-a, broker-b and so on by default' }),
      ),
      replicas: Type.Optional(Type.Integer({ minimum: 0, maximum: 9 })),
      port: Type.Optional(port),
    }),
    answer: BrokerSchema,
    status: 201,
  },
  getBroker: { tag: 'brokers', summary: 'One broker', input: exact({ broker: NameSchema }), answer: BrokerSchema },
  removeBroker: {
    tag: 'brokers',
    summary: 'Stop a broker and its replicas for good, with all they have',
    input: exact({ broker: NameSchema }),
    answer: Done,
  },
  stopBroker: {
    tag: 'brokers',
    summary: 'Close its port and all connections',
    input: exact({
      broker: NameSchema,
      keepRoute: Type.Optional(Type.Boolean({ description: 'name servers go on telling of it' })),
    }),
    answer: BrokerSchema,
  },
  startBroker: {
    tag: 'brokers',
    summary: 'Listen again, on the port it had unless told otherwise; one that runs stays as it is',
    input: exact({ broker: NameSchema, ...startOptions }),
    answer: BrokerSchema,
  },
  restartBroker: {
    tag: 'brokers',
    summary: 'Stop and start, on the port it had unless told otherwise',
    input: exact({ broker: NameSchema, ...startOptions }),
    answer: BrokerSchema,
  },
  disconnectClients: {
    tag: 'brokers',
    summary: 'Close the connections of one client, or all',
    input: exact({ broker: NameSchema, clientId: Type.Optional(NameSchema) }),
    answer: exact({ closed: CountSchema }),
  },
  expireLocks: {
    tag: 'brokers',
    summary: 'Make all queue locks so old that anybody may take them over',
    input: exact({ broker: NameSchema }),
    answer: Done,
  },
  clearLocks: { tag: 'brokers', summary: 'Forget all queue locks', input: exact({ broker: NameSchema }), answer: Done },
  setPermission: {
    tag: 'brokers',
    summary: 'What the broker allows',
    input: exact({ broker: NameSchema, perm: PermSchema }),
    answer: BrokerSchema,
  },
  setRegistered: {
    tag: 'brokers',
    summary: 'Take a broker out of routes, or put it in again, while it goes on running',
    input: exact({ broker: NameSchema, registered: Type.Boolean() }),
    answer: BrokerSchema,
  },
  setBrokerId: {
    tag: 'brokers',
    summary: 'Have routes list a broker under this id: with anything but 0 its name has no master',
    input: exact({ broker: NameSchema, brokerId }),
    answer: BrokerSchema,
  },
  suggestBrokerId: {
    tag: 'brokers',
    summary: 'Have the answers to pulls tell clients to pull from this broker id',
    input: exact({ broker: NameSchema, brokerId }),
    answer: BrokerSchema,
  },
  stopReplica: {
    tag: 'brokers',
    summary: 'Close the port and all connections of a replica; what its master stores goes on coming to it',
    input: exact(replica),
    answer: ReplicaSchema,
  },
  startReplica: {
    tag: 'brokers',
    summary: 'Have a replica listen again, on the port it had',
    input: exact(replica),
    answer: ReplicaSchema,
  },
  pauseReplication: {
    tag: 'brokers',
    summary: 'Keep a replica from hearing of what its master stores and of offsets',
    input: exact(replica),
    answer: ReplicaSchema,
  },
  resumeReplication: {
    tag: 'brokers',
    summary: 'Give a replica all it has missed',
    input: exact(replica),
    answer: ReplicaSchema,
  },
  setReplicationLag: {
    tag: 'brokers',
    summary: "Have what the master stores from now on come to a replica later, by the cluster's clock",
    input: exact({
      ...replica,
      lagMs: Type.Integer({ minimum: 0, maximum: 31_622_400_000, description: 'a year at most' }),
    }),
    answer: ReplicaSchema,
  },

  callClient: {
    tag: 'clients',
    summary: 'Send a request to a connected client, of a group to its first member, and give back its answer',
    input: exact({
      ...clientRequest,
      timeoutMs: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 60_000, description: 'in real time; 10000 by default' }),
      ),
    }),
    answer: ClientAnswerSchema,
  },
  tellClient: {
    tag: 'clients',
    summary: 'Send a one-way request to the connections of a client, or of all members of a group',
    input: exact(clientRequest),
    answer: exact({ told: Type.Integer({ minimum: 1, description: 'how many connections got it' }) }),
  },

  listNameServers: {
    tag: 'name servers',
    summary: 'All name servers',
    input: none,
    answer: listOf(NameServerSchema),
  },
  stopNameServer: {
    tag: 'name servers',
    summary: 'Close its port and all connections',
    input: exact({ nameServer }),
    answer: NameServerSchema,
  },
  startNameServer: {
    tag: 'name servers',
    summary: 'Listen again, on the port it had',
    input: exact({ nameServer }),
    answer: NameServerSchema,
  },
  freezeNameServer: {
    tag: 'name servers',
    summary: 'Have it go on saying what it says now, whatever happens to brokers and topics',
    input: exact({ nameServer }),
    answer: NameServerSchema,
  },
  thawNameServer: {
    tag: 'name servers',
    summary: 'Have it say again how things are',
    input: exact({ nameServer }),
    answer: NameServerSchema,
  },
  getRoute: {
    tag: 'name servers',
    summary: 'What it says of a topic',
    input: exact({ nameServer, topic: NameSchema }),
    answer: RouteAnswerSchema,
  },
  overrideRoute: {
    tag: 'name servers',
    summary: 'Have it, and no other, say this of a topic',
    input: exact({ nameServer, topic: NameSchema, ...RouteAnswerSchema.properties }),
    answer: NameServerSchema,
  },
  clearOverride: {
    tag: 'name servers',
    summary: 'Take back what it was told of a topic',
    input: exact({ nameServer, topic: NameSchema }),
    answer: NameServerSchema,
  },
  clearOverrides: {
    tag: 'name servers',
    summary: 'Take back what it was told of any topic',
    input: exact({ nameServer }),
    answer: NameServerSchema,
  },

  listFaults: { tag: 'faults', summary: 'The rules in force', input: none, answer: listOf(FaultDescriptionSchema) },
  addFault: {
    tag: 'faults',
    summary: 'Add a rule',
    input: FaultRuleSchema,
    parsedByHandler: true,
    answer: FaultDescriptionSchema,
    status: 201,
  },
  clearFaults: { tag: 'faults', summary: 'Take all rules back', input: none, answer: Done },
  removeFault: { tag: 'faults', summary: 'Take a rule back', input: exact({ id: NameSchema }), answer: Done },

  listJournal: {
    tag: 'journal',
    summary: 'Frames that came and went: the latest, or a page after or before a place',
    input: exact({
      afterSeq: Type.Optional(Type.Integer({ minimum: -1 })),
      beforeSeq: Type.Optional(CountSchema),
      limit: pageLimit,
      code: Type.Optional(Type.String({ description: 'name or number; of a response, the one it answers' })),
      clientId: Type.Optional(NameSchema),
      group: Type.Optional(NameSchema),
      topic: Type.Optional(NameSchema),
      queueId: Type.Optional(QueueIdSchema),
      broker: Type.Optional(NameSchema),
      connection: Type.Optional(CountSchema),
      direction: Type.Optional(Type.Union([Type.Literal('in'), Type.Literal('out')])),
      kind: Type.Optional(Type.Union([Type.Literal('request'), Type.Literal('oneway'), Type.Literal('response')])),
    }),
    answer: exact({
      items: Type.Array(JournalEntrySchema),
      lastSeq: Type.Integer({ description: 'of the journal; -1 when nothing was recorded' }),
      dropped: CountSchema,
    }),
  },
  clearJournal: { tag: 'journal', summary: 'Forget all entries', input: none, answer: Done },
  listViolations: {
    tag: 'journal',
    summary: 'What the watchdogs found',
    input: none,
    answer: listOf(ViolationSchema),
  },

  getClock: { tag: 'clock', summary: "The cluster's time", input: none, answer: ClockSchema },
  advanceClock: {
    tag: 'clock',
    summary: 'Move the time ahead, and fire what becomes due on the way',
    input: exact({ ms: Type.Integer({ minimum: 0, maximum: 31_622_400_000, description: 'a year at most' }) }),
    answer: ClockSchema,
  },
} as const satisfies Readonly<Record<OperationName, Contract>>;

/** What an operation takes: what is in its path, and its query or body, in one object. */
export type InputOf<Name extends OperationName> = Type.Static<(typeof CONTRACT)[Name]['input']>;
/** What it answers. */
export type AnswerOf<Name extends OperationName> = Type.Static<(typeof CONTRACT)[Name]['answer']>;
