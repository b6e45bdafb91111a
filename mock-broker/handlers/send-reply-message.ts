import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../../lib/protocol/command.js';
import { encodeProperties, parseProperties, PropertyName } from '../../lib/protocol/properties.js';
import type { SendMessageRequest } from '../../lib/protocol/requests/send-message.js';
import { encodeSendReply, sendMessage } from '../../lib/protocol/requests/send-message.js';
import type { BrokerState } from '../broker-state.js';
import type { Connection } from '../server/connection.js';
import type { Exchange } from '../server/exchange.js';
import { putMessage } from '../store/put-message.js';
import { encodePushReply } from '../wire/push-reply-message.js';
import { type BrokerHandler, refuse } from './handler.js';
import { chooseQueue, findTopic, REGION_FIELDS } from './send-message.js';

/** SEND_REPLY_MESSAGE (324), consumer -> the broker that had the request: hands the reply to the client that waits for it. */
export const sendReplyMessageHandler: BrokerHandler = {
  code: RequestCode.SEND_REPLY_MESSAGE,
  handle: (broker, exchange) => receiveReply(broker, exchange, sendMessage.decode(exchange.command)),
};

/** How long the reference waits for the client. */
const PUSH_TIMEOUT_MS = 10_000;
/** When the reply was handed on. */
const PUSH_REPLY_TIME = 'PUSH_REPLY_TIME';

/** What both forms of the request do: it is answered once the client has answered, and the reply is stored as well. */
export function receiveReply(
  broker: BrokerState,
  exchange: Exchange,
  request: SendMessageRequest,
): ResponseCommand | undefined {
  const topic = findTopic(broker, exchange, request);
  if ('code' in topic) return withRegion(topic);
  const queueId = chooseQueue(request.queueId, topic);
  const properties = parseProperties(request.properties);
  void push(broker, exchange, request, properties).then((refusal) => {
    const result = putMessage(broker, {
      topic: request.topic,
      queueId,
      body: request.body,
      flag: request.flag,
      sysFlag: 0,
      bornTimestamp: request.bornTimestamp,
      bornHost: exchange.connection.remote,
      reconsumeTimes: request.reconsumeTimes,
      properties,
    });
    const stored = 'refused' in result ? undefined : result.entry;
    const reply = encodeSendReply({
      status: 'SEND_OK',
      // The zeros are the reference's, to have something.
      offsetMsgId: stored === undefined ? '0' : broker.store.offsetMsgId(stored),
      queueId,
      queueOffset: stored?.queueOffset ?? 0,
    });
    exchange.respond(withRegion(refusal === undefined ? reply : { ...reply, ...refusal }));
  });
  return undefined;
}

/** Why the client did not get it; undefined when it did. */
async function push(
  broker: BrokerState,
  { connection }: Exchange,
  request: SendMessageRequest,
  properties: Readonly<Record<string, string>>,
): Promise<ResponseCommand | undefined> {
  const clientId = properties[PropertyName.REPLY_TO_CLIENT];
  if (clientId === undefined) {
    return refuse(ResponseCode.SYSTEM_ERROR, `reply message properties[${PropertyName.REPLY_TO_CLIENT}] is null`);
  }
  const client = producerOf(broker, clientId);
  if (client === undefined) {
    return refuse(ResponseCode.SYSTEM_ERROR, `push reply message fail, channel of <${clientId}> not found.`);
  }
  const pushed = encodePushReply(request, {
    bornHost: connection.remote,
    storeHost: broker.address,
    storeTimestamp: broker.now(),
    properties: encodeProperties({ ...properties, [PUSH_REPLY_TIME]: String(broker.now()) }),
  });
  const answer: RemotingCommand | undefined = await client.call(pushed, PUSH_TIMEOUT_MS).catch(() => undefined);
  if (answer?.code === ResponseCode.SUCCESS) return undefined;
  return refuse(ResponseCode.SYSTEM_ERROR, `push reply message to ${clientId}fail.`);
}

function producerOf({ members }: BrokerState, clientId: string): Connection | undefined {
  for (const channels of members.producers().values()) {
    for (const [connection, member] of channels) if (member.clientId === clientId) return connection;
  }
  return undefined;
}

function withRegion(answer: ResponseCommand): ResponseCommand {
  return { ...answer, extFields: { ...answer.extFields, ...REGION_FIELDS } };
}
