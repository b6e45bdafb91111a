import { RequestCode, ResponseCode } from '../../lib/protocol/codes.js';
import { getConsumerStatusFromClient } from '../../lib/protocol/requests/get-consumer-status-from-client.js';
import type { QueueOffset } from '../../lib/protocol/requests/offset-table.js';
import { requireText } from '../../lib/protocol/requests/request-type.js';
import type { Connection } from '../server/connection.js';
import { encodeConsumerStatus } from '../wire/consumer-status.js';
import { type BrokerHandler, refuse } from './handler.js';

/** How long the reference waits for each client. */
const CLIENT_TIMEOUT_MS = 5_000;

/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223): asks the members of a group, or one of them, for the offsets they hold.
 * Those that don't answer are left out.
 *
 *     request  ext topic group clientAddr?(a client id)
 *     reply    0, body see consumer-status.ts | 1 nobody is connected
 */
export const invokeBrokerToGetConsumerStatusHandler: BrokerHandler = {
  code: RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
  handle(broker, exchange) {
    const { extFields } = exchange.command;
    const topic = requireText(extFields, 'topic');
    const group = requireText(extFields, 'group');
    const wanted = extFields['clientAddr'] ?? '';
    const channels = broker.members.group(group)?.channels;
    if (channels === undefined) {
      return refuse(ResponseCode.SYSTEM_ERROR, `No Any Consumer online in the consumer group: [${group}]`);
    }
    const asked = [...channels].filter(([, { clientId }]) => wanted.trim() === '' || clientId === wanted);
    const answers = asked.map(async ([connection, { clientId }]) => {
      const offsets = await askForOffsets(connection, topic, group);
      return offsets === undefined ? [] : [[clientId, offsets] as const];
    });
    void Promise.all(answers).then((found) => {
      exchange.respond({ code: ResponseCode.SUCCESS, body: encodeConsumerStatus(new Map(found.flat())) });
    });
    return undefined;
  },
};

async function askForOffsets(
  connection: Connection,
  topic: string,
  group: string,
): Promise<readonly QueueOffset[] | undefined> {
  try {
    const request = getConsumerStatusFromClient.encode({ topic, group });
    return getConsumerStatusFromClient.decodeReply(await connection.call(request, CLIENT_TIMEOUT_MS)).offsets;
  } catch {
    return undefined;
  }
}
