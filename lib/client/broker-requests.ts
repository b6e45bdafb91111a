import { RequestCode, ResponseCode } from '../protocol/codes.js';
import type { RemotingCommand, ResponseCommand } from '../protocol/command.js';
import { consumeMessageDirectly } from '../protocol/requests/consume-message-directly.js';
import { getConsumerRunningInfo } from '../protocol/requests/get-consumer-running-info.js';
import { getConsumerStatusFromClient } from '../protocol/requests/get-consumer-status-from-client.js';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.js';
import { resetConsumerClientOffset } from '../protocol/requests/reset-consumer-client-offset.js';
import type { ClientInstance } from './client-instance.js';

/** What brokers ask of a client, on the same connection: mostly for operators who use `mqadmin` or a dashboard. */
export function serveBrokerRequests(client: ClientInstance): void {
  const { remoting } = client;

  remoting.setRequestHandler(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, (command) => {
    const { consumerGroup } = notifyConsumerIdsChanged.decode(command);
    // The reference wakes every group of the process; only this one has changed.
    client.consumer(consumerGroup)?.rebalanceSoon('group members changed');
    return undefined;
  });

  remoting.setRequestHandler(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, (command) => {
    const request = resetConsumerClientOffset.decode(command);
    client.consumer(request.group)?.resetOffset(request);
    return resetConsumerClientOffset.encodeReply(undefined);
  });

  remoting.setRequestHandler(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, (command) => {
    const { group: consumerGroup, topic } = getConsumerStatusFromClient.decode(command);
    const consumer = client.consumer(consumerGroup);
    if (consumer === undefined) return unknownGroup(consumerGroup);
    return getConsumerStatusFromClient.encodeReply(consumer.consumerStatus(topic));
  });

  remoting.setRequestHandler(RequestCode.GET_CONSUMER_RUNNING_INFO, (command) => {
    const { consumerGroup } = getConsumerRunningInfo.decode(command);
    const consumer = client.consumer(consumerGroup);
    if (consumer === undefined) return unknownGroup(consumerGroup);
    return getConsumerRunningInfo.encodeReply(consumer.runningInfo());
  });

  remoting.setRequestHandler(RequestCode.CONSUME_MESSAGE_DIRECTLY, async (command: RemotingCommand) => {
    const request = consumeMessageDirectly.decode(command);
    const consumer = client.consumer(request.consumerGroup);
    if (consumer === undefined) return unknownGroup(request.consumerGroup);
    return consumeMessageDirectly.encodeReply(await consumer.consumeDirectly(request));
  });
}

/** The reference's words: `mqadmin` shows them. */
function unknownGroup(group: string): ResponseCommand {
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `The Consumer Group <${group}> not exist in this consumer`,
  };
}
