import type { StoredMessage } from '../../../lib/protocol/message.js';
import { until } from '../../support/until.js';
import type { ClientProgram } from './client-program.js';
import { target } from './target.js';

/** What every client's concurrent consumer is put through. */

export interface GivenUp {
  /** The `reconsumeTimes` of each delivery of a body. */
  tries(body: string): (number | undefined)[];
  /** The message that was given up. */
  readonly dead: StoredMessage | undefined;
}

/** Group `id` consumes a, b and c of the topic; a fails once, b always, and may come back twice. */
export async function consumeUntilGivenUp(client: ClientProgram, id: string, topic: string): Promise<GivenUp> {
  await target().createTopic(`%RETRY%${id}`, 1);
  await client.run('consume', { id, group: id, topic, mode: 'concurrent', fail: 'a:1,b:9', maxReconsume: 2 }, 'ready');
  const tries: GivenUp['tries'] = (body) =>
    client
      .of(id, 'message')
      .filter((message) => message.body === body)
      .map(({ reconsumeTimes }) => reconsumeTimes);
  await client.waitFor('all tries', () => tries('a').length === 2 && tries('b').length === 3);
  const [dead] = await until('the dead letter', async () => {
    const stored = await target().stored(`%DLQ%${id}`);
    return stored.length > 0 ? stored : undefined;
  });
  return { tries, dead };
}

/**
 * Resolves when the group has committed so many messages of the topic. Asked while the members run, which commit every
 * 5 s: what they write when they are stopped goes one-way, right before their connections are closed, and a listener
 * that has just shown its message may not have returned yet.
 */
export function allCommitted(group: string, topic: string, count: number): Promise<true> {
  return until(`${count} messages of ${topic} committed`, async () => {
    return (await target().committed(group, topic)) === count ? true : undefined;
  });
}
