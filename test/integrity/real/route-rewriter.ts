import { FrameDecoder } from '../../../lib/protocol/frame.js';

/**
 * What a name server answers, with other addresses in the place of the brokers': brokers announce their own address, and
 * so this is where clients can be led through a proxy. Addresses stand in answers as JSON text, between quotation marks.
 *
 * @param addresses the brokers' own addresses, and those to give instead
 */
export function rewriteRoutes(addresses: ReadonlyMap<string, string>): (chunk: Buffer) => Buffer {
  const decoder = new FrameDecoder();
  return (chunk) => {
    const frames: Buffer[] = [];
    decoder.push(chunk, (frame) => frames.push(rewriteFrame(frame, addresses)));
    return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
  };
}

/** @param frame without its length field; the result has one */
function rewriteFrame(frame: Buffer, addresses: ReadonlyMap<string, string>): Buffer {
  const headEnd = 4 + (frame.readInt32BE(0) & 0xffffff);
  let body = frame.toString('latin1', headEnd);
  for (const [from, to] of addresses) body = body.replaceAll(`"${from}"`, `"${to}"`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(headEnd + body.length);
  return Buffer.concat([length, frame.subarray(0, headEnd), Buffer.from(body, 'latin1')]);
}
