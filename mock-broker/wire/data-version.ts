import type { JsonObject } from '../../lib/protocol/json-fields.js';

/**
 * How new a broker's table is.
 *
 *     {"counter":3,"stateVersion":0,"timestamp":1700000000000}
 *
 * Brokers of 4.9 leave the second out.
 */
export function dataVersionJson(counter: number, timestamp: number, isV4: boolean): JsonObject {
  return { counter, ...(!isV4 && { stateVersion: 0 }), timestamp };
}
