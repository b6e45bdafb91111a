import { channel, type Channel } from 'node:diagnostics_channel';

/**
 * Diagnostics channels, for tracing and metrics that must not touch the code they watch. A message is built only when
 * somebody is subscribed. Names: `rocketmq:consumer:<event>`, with the events of `OrderedConsumerEvents`; each message
 * is `{ clientId, consumerGroup, event }`. Payloads of messages are never copied into one, the message object itself is.
 */
const channels = new Map<string, Channel>();

/** The channel of a consumer's event. */
export function consumerChannel(event: string): Channel {
  let found = channels.get(event);
  if (found === undefined) {
    found = channel(`rocketmq:consumer:${event}`);
    channels.set(event, found);
  }
  return found;
}
