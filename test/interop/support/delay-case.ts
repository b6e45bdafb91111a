import { expect } from 'chai';
import { until } from '../../support/until.js';
import { target } from './target.js';

/** Of the message that was just sent to a new topic with delay level 1: it is not there yet, and there after its second. */
export async function comesASecondLater(topic: string): Promise<void> {
  expect(await target().stored(topic)).to.deep.equal([]);
  const [message] = await until('the message', async () => {
    const stored = await target().stored(topic);
    return stored.length > 0 ? stored : undefined;
  });
  const { storeTimestamp = 0, bornTimestamp = 0, properties } = message ?? {};
  expect(storeTimestamp - bornTimestamp).to.be.at.least(1000);
  expect(properties).to.include({ DELAY: '1', REAL_TOPIC: topic });
}
