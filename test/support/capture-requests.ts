import type { RawRequest } from './raw-connection.js';

/** Requests written out field by field, as the reference's own classes would send them. */

type Ext = NonNullable<RawRequest['ext']>;

const PROPERTY_END = '\u0002';

/** `{KEYS: 'k'}` as it stands in a stored message. */
export function properties(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}\u0001${value}${PROPERTY_END}`)
    .join('');
}

export interface SendFields {
  readonly topic: string;
  readonly queueId?: number;
  readonly sysFlag?: number;
  readonly properties?: string;
  readonly batch?: boolean;
  readonly defaultTopic?: string;
  readonly reconsumeTimes?: number;
  readonly maxReconsumeTimes?: number;
  readonly producerGroup?: string;
  readonly body: Buffer | string;
}

const BORN = 1_700_000_000_000;

/** SEND_MESSAGE_V2, or SEND_BATCH_MESSAGE with `batch`. */
export function sendV2(fields: SendFields): RawRequest {
  return {
    code: fields.batch === true ? 320 : 310,
    ext: {
      a: fields.producerGroup ?? 'capture-producer',
      b: fields.topic,
      c: fields.defaultTopic ?? 'TBW102',
      d: 4,
      e: fields.queueId ?? 0,
      f: fields.sysFlag ?? 0,
      g: BORN,
      h: 0,
      i: fields.properties ?? '',
      j: fields.reconsumeTimes ?? 0,
      k: false,
      l: fields.maxReconsumeTimes,
      m: fields.batch ?? false,
      n: 'broker-a',
    },
    body: fields.body,
  };
}

/** SEND_MESSAGE with the long names. */
export function sendV1(fields: SendFields): RawRequest {
  return {
    code: 10,
    ext: {
      producerGroup: fields.producerGroup ?? 'capture-producer',
      topic: fields.topic,
      defaultTopic: fields.defaultTopic ?? 'TBW102',
      defaultTopicQueueNums: 4,
      queueId: fields.queueId ?? 0,
      sysFlag: fields.sysFlag ?? 0,
      bornTimestamp: BORN,
      flag: 0,
      properties: fields.properties ?? '',
      reconsumeTimes: fields.reconsumeTimes ?? 0,
      unitMode: false,
      batch: false,
      bname: 'broker-a',
    },
    body: fields.body,
  };
}

/** The body of SEND_BATCH_MESSAGE: records of size, magic, checksum, flag, body and properties. */
export function miniRecords(messages: readonly { readonly body: string; readonly properties: string }[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const body = Buffer.from(message.body);
      const props = Buffer.from(message.properties);
      const record = Buffer.alloc(22 + body.length + props.length);
      record.writeInt32BE(record.length, 0);
      record.writeInt32BE(body.length, 16);
      body.copy(record, 20);
      record.writeInt16BE(props.length, 20 + body.length);
      props.copy(record, 22 + body.length);
      return record;
    }),
  );
}

export const PullFlag = { COMMIT_OFFSET: 1, SUSPEND: 2, SUBSCRIPTION: 4 } as const;

export function pull(group: string, topic: string, queueOffset: number, more: Ext = {}): RawRequest {
  return {
    code: 11,
    ext: {
      consumerGroup: group,
      topic,
      queueId: 0,
      queueOffset,
      maxMsgNums: 32,
      sysFlag: PullFlag.SUBSCRIPTION,
      commitOffset: 0,
      suspendTimeoutMillis: 15_000,
      subscription: '*',
      subVersion: BORN,
      expressionType: 'TAG',
      bname: 'broker-a',
      ...more,
    },
    timeoutMs: 25_000,
  };
}

export interface SubscriptionFields {
  readonly topic: string;
  readonly subString: string;
  readonly tags?: readonly string[];
  readonly codes?: readonly number[];
  readonly type?: 'TAG' | 'SQL92';
}

export function subscription(fields: SubscriptionFields): object {
  return {
    topic: fields.topic,
    subString: fields.subString,
    tagsSet: fields.tags ?? [],
    codeSet: fields.codes ?? [],
    subVersion: BORN,
    expressionType: fields.type ?? 'TAG',
    classFilterMode: false,
  };
}

export function heartbeat(clientId: string, group: string, subscriptions: readonly object[]): RawRequest {
  return {
    code: 34,
    body: {
      clientID: clientId,
      heartbeatFingerprint: 0,
      withoutSub: false,
      producerDataSet: [{ groupName: 'CLIENT_INNER_PRODUCER' }],
      consumerDataSet: [
        {
          groupName: group,
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
          unitMode: false,
          subscriptionDataSet: subscriptions,
        },
      ],
    },
  };
}

export function lock(
  code: 41 | 42,
  group: string,
  clientId: string,
  topic: string,
  queueIds: readonly number[],
): RawRequest {
  return {
    code,
    body: {
      clientId,
      consumerGroup: group,
      mqSet: queueIds.map((queueId) => ({ brokerName: 'broker-a', queueId, topic })),
      onlyThisBroker: false,
    },
  };
}
