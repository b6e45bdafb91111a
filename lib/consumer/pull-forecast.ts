import type { PullMessageReply } from '../protocol/requests/pull-message.js';

/** So many answers in a row have to bring the same number of messages before the next one is expected to do so, too. */
const ALIKE = 4;

/** What a pull is expected to bring. */
export interface PullSize {
  readonly messages: number;
  /** As they are stored. */
  readonly bytes: number;
}

/**
 * Foretells what the next pulls of a queue bring. A broker answers with so many messages at most, and while a queue is
 * far behind, each answer brings exactly that many. Where a filter leaves some out, where sizes differ and the limit of
 * bytes counts, and near the end of the queue, nothing is foretold.
 */
export class PullForecast {
  #size: PullSize = { messages: 0, bytes: 0 };
  #alike = 0;
  #maxOffset = 0;

  /** To be told of each answer: where it was asked to start, and how many messages it brought. */
  answered(from: number, reply: PullMessageReply, messages: number): void {
    const withoutGap = messages > 0 && reply.nextBeginOffset === from + messages;
    this.#alike = withoutGap && messages === this.#size.messages ? this.#alike + 1 : 0;
    this.#size = { messages, bytes: reply.body.length };
    this.#maxOffset = reply.maxOffset;
  }

  /** What was foretold did not come true: it takes as many answers again until the next time. */
  failed(): void {
    this.#alike = 0;
  }

  /** What a pull from `offset` will bring. `undefined` when that is uncertain, or another one would not bring as much. */
  from(offset: number): PullSize | undefined {
    if (this.#alike < ALIKE || this.#maxOffset - offset < 2 * this.#size.messages) return undefined;
    return this.#size;
  }
}
