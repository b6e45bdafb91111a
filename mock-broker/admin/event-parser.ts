/** Server-sent events from pieces of text. */

export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Comments, and events without data, are passed over. */
export class EventParser {
  #rest = '';

  /** The events that are complete with this piece. */
  push(text: string): ServerSentEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => parseBlock(block) ?? []);
  }
}

function parseBlock(block: string): ServerSentEvent | undefined {
  const fields: Record<string, string> = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
  }
  const { id = '', event = 'message', data } = fields;
  return data === undefined ? undefined : { id, event, data };
}
