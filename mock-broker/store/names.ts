import { isDlqTopic, isRetryTopic } from '../../lib/protocol/namespace.js';

/** What the reference broker lets pass as a topic or group name, with its own words for what it does not. */

const LEGAL = /^[%|a-zA-Z0-9_-]+$/;
const MAX_TOPIC_LENGTH = 127;
const MAX_GROUP_LENGTH = 120;
const MAX_RETRY_OR_DLQ_TOPIC_LENGTH = 255;

/** Where a message waits for its delay level. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';
/** Where a message waits for a point in time. */
export const TIMER_TOPIC = 'rmq_sys_wheel_timer';
/** Where the first half of a transaction waits for the second. */
export const HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';

/** What is wrong with a topic's name, in the reference's words; undefined when nothing is. */
export function topicNameProblem(topic: string): string | undefined {
  if (topic.trim() === '') return 'The specified topic is blank.';
  if (!LEGAL.test(topic)) {
    return `The specified topic: ${topic}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  if (isRetryTopic(topic) || isDlqTopic(topic)) {
    if (topic.length <= MAX_RETRY_OR_DLQ_TOPIC_LENGTH) return undefined;
    return `The specified topic is DLQ or Retry topic: ${topic}, and it's longer than topic max length: ${MAX_RETRY_OR_DLQ_TOPIC_LENGTH}`;
  }
  if (topic.length <= MAX_TOPIC_LENGTH) return undefined;
  return `The specified topic: ${topic}, is longer than topic max length: ${MAX_TOPIC_LENGTH}`;
}

/** What is wrong with a group's name, in the reference's words; undefined when nothing is. */
export function groupNameProblem(group: string): string | undefined {
  if (group.trim() === '') return 'The specified group is blank.';
  if (!LEGAL.test(group)) {
    return `The specified group: ${group}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  if (group.length <= MAX_GROUP_LENGTH) return undefined;
  return `The specified group: ${group}, is longer than group max length: ${MAX_GROUP_LENGTH}`;
}

/** The reference ends several remarks with a pointer to its list of frequent questions. */
export function seeFaq(isV4: boolean): string {
  const address = isV4 ? 'http://rocketmq.apache.org/docs/faq/' : 'https://rocketmq.apache.org/docs/bestPractice/06FAQ';
  return `\nSee ${address} for further details.`;
}
