import type { ConsumerData } from '../protocol/requests/heart-beat.js';
import type {
  ConsumeMessageDirectlyRequest,
  ConsumeMessageDirectlyReply,
} from '../protocol/requests/consume-message-directly.js';
import type { GetConsumerRunningInfoReply } from '../protocol/requests/get-consumer-running-info.js';
import type { GetConsumerStatusFromClientReply } from '../protocol/requests/get-consumer-status-from-client.js';
import type { ResetConsumerClientOffsetRequest } from '../protocol/requests/reset-consumer-client-offset.js';

/** What a consumer is to the client instance it shares with others: a group in heartbeats, a receiver of commands. */
export interface ConsumerMember {
  /** With its namespace, as brokers know it. */
  readonly consumerGroup: string;
  heartbeatData(): ConsumerData;
  /** Members of the group changed, or a broker came back. */
  rebalanceSoon(reason: string): void;
  /**
   * There is a new connection to the master of a broker, or another master: it may have forgotten its locks. Told before
   * anything is sent there.
   */
  masterConnected(brokerName: string): void;
  /** A broker this instance had talked to is connected again, and knows this client again. */
  brokerBack(brokerName: string): void;
  resetOffset(request: ResetConsumerClientOffsetRequest): void;
  consumerStatus(topic: string): GetConsumerStatusFromClientReply;
  runningInfo(): GetConsumerRunningInfoReply;
  consumeDirectly(request: ConsumeMessageDirectlyRequest): Promise<ConsumeMessageDirectlyReply>;
}
