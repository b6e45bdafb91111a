import { jsonBody } from '../../lib/protocol/json-fields.js';

/**
 * Names with values, for people.
 *
 *     body  {"table":{string:string}}
 */
export function encodeKvTable(table: Readonly<Record<string, string>>): Buffer {
  return jsonBody({ table });
}
