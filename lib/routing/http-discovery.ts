import type { Clock } from '../clock.js';
import { parseNameServers } from './name-server-list.js';

/** The reference's timeout for the whole exchange. */
const TIMEOUT_MS = 3_000;
/** No list of addresses is longer; a page of another service may be. */
const MAX_BODY_BYTES = 65_536;

/**
 * Reads the list of name servers from an HTTP address server: the first line of a 200 answer, as the reference does.
 *
 * @throws Error for any other answer, none within 3 s, or a line that is no list of addresses
 */
export async function discoverNameServers(url: string, clock: Clock, cancel: AbortSignal): Promise<string[]> {
  const timeout = new AbortController();
  const timer = clock.setTimeout(() => timeout.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  try {
    // Loaded by those alone who ask an address server: it takes more memory than everything else here together.
    const { request } = await import('undici');
    // One question in two minutes is not worth an open connection.
    const answer = await request(url, { reset: true, signal: AbortSignal.any([timeout.signal, cancel]) });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw new Error(`answered with HTTP status ${answer.statusCode}`);
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw new Error(`answered with more than ${MAX_BODY_BYTES} bytes`);
    }
    return parseDiscovery(Buffer.concat(chunks));
  } finally {
    clock.clearTimeout(timer);
  }
}

/** The addresses in the first line of an answer. @throws ValidationError as parseNameServers does */
export function parseDiscovery(body: Buffer): string[] {
  return parseNameServers(body.toString('utf8').trim().split(/\r?\n/, 1)[0] ?? '');
}
