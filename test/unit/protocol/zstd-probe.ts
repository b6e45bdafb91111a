import { RocketMQError } from '../../../lib/errors.js';
import { decodeMessages, encodeMessage } from '../../../lib/protocol/message.js';
import { CompressionType, withCompression } from '../../../lib/protocol/sys-flag.js';
import { GOLDEN_RECORD } from './records.js';

/** Looks at a zstd message before its codec is loaded, and after. Run by message-compression.test.ts as a process. */

const body = Buffer.from('28b52ffd00586400003068656c6c6f200100994b11010000', 'hex');
const bytes = encodeMessage({ ...GOLDEN_RECORD, body, sysFlag: withCompression(0, CompressionType.ZSTD) });
const [message] = decodeMessages(bytes, { brokerName: 'broker-a' }).messages;

function look(): string {
  try {
    return message?.body.toString() ?? 'no message';
  } catch (error) {
    return error instanceof RocketMQError ? error.code : String(error);
  }
}

const early = look();
await message?.inflate();
process.stdout.write(JSON.stringify({ early, afterwards: look() }));
