import { jsonBody } from '../../lib/protocol/json-fields.js';

/**
 * Names of topics.
 *
 *     body  {"brokerAddr"?,"topicList":[string]}
 */
export function encodeTopicList(topics: Iterable<string>, brokerAddr?: string): Buffer {
  return jsonBody({ ...(brokerAddr !== undefined && { brokerAddr }), topicList: [...topics] });
}
