import { encodeHeader, LANGUAGES, SerializeType, type RemotingCommand } from '../../../lib/protocol/command.js';
import { readJson } from './json.js';
import { bytes, group, int, json, sized, type Piece } from './piece.js';
import { isStoredMessages, storedMessages } from './records.js';

/** A frame behind its length field, as a tree. */
export function frameTree(command: RemotingCommand, form: SerializeType = command.serializeType): Piece {
  const header = form === SerializeType.JSON ? jsonHeader(command) : binaryHeader(command);
  return group(sized(4, header, { high: form }), bodyTree(command.body));
}

function jsonHeader(command: RemotingCommand): Piece {
  return json(readJson(encodeHeader({ ...command, serializeType: SerializeType.JSON }) as string));
}

function binaryHeader({ code, language, version, opaque, flag, remark, extFields }: RemotingCommand): Piece {
  const fields = Object.entries(extFields).map(([name, value]) => group(sized(2, bytes(name)), sized(4, bytes(value))));
  return group(
    int(2, code),
    int(1, Math.max(0, (LANGUAGES as readonly string[]).indexOf(language))),
    int(2, version),
    int(4, opaque),
    int(4, flag),
    sized(4, bytes(remark ?? '')),
    sized(4, group(...fields)),
  );
}

/** JSON, stored messages, or bytes nobody looks into. */
export function bodyTree(body: Buffer): Piece {
  const text = body.toString('utf8');
  if (text.startsWith('{') || text.startsWith('[')) return json(readJson(text));
  return isStoredMessages(body) ? storedMessages(body) : bytes(body);
}
