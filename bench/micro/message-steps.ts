import { decodeMessages, type StoredMessage } from '../../lib/protocol/message.js';
import { BROKER, PULL_BATCH, records, TOPIC } from './inputs.js';
import type { Step } from './step.js';

/** A pull's messages out of their bytes, and what a listener reads of them. */
export function messageSteps(): Step[] {
  return [
    step('messages, volatile memory', true, nothing),
    step('messages, own memory', false, nothing),
    step('messages with body', true, (message) => message.body.length),
    step('messages with properties', true, (message) => {
      let bytes = 0;
      for (const name in message.properties) bytes += (message.properties[name] as string).length;
      return bytes;
    }),
    step('messages with tags', true, (message) => message.tags?.length ?? 0),
  ];
}

/** A message keeps what was read of it, so each run reads fresh ones: what reading costs is the difference. */
function step(name: string, volatile: boolean, read: (message: StoredMessage) => number): Step {
  const body = records(0, PULL_BATCH);
  const source = { brokerName: BROKER, topic: TOPIC, volatile };
  let total = 0;
  const run = (): number => {
    const { messages } = decodeMessages(body, source);
    for (let i = 0; i < messages.length; i++) total = (total + read(messages[i] as StoredMessage)) & 0xfffffff;
    return total;
  };
  return { name, unit: 'message', count: PULL_BATCH, run };
}

function nothing(): number {
  return 0;
}
