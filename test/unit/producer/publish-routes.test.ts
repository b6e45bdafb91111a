import { expect } from 'chai';
import { RouteError } from '../../../lib/errors.js';
import { PublishRoutes } from '../../../lib/producer/publish-routes.js';
import { rejection } from '../../support/rejection.js';
import { broker, queues, route } from '../routing/route-data.js';
import { FakeProducerClient, oneBroker, queue, twoBrokers } from './fake-producer-client.js';

describe('publish routes', () => {
  let client: FakeProducerClient;
  let routes: PublishRoutes;

  beforeEach(() => {
    client = new FakeProducerClient();
    routes = new PublishRoutes(client.routes, { createTopicKey: 'TBW102', defaultTopicQueueNums: 4 });
  });

  it('are looked up once, known from then on, and kept up to date', async () => {
    client.topics.set('Orders', oneBroker(2));
    expect(routes.known('Orders')).to.equal(undefined);
    expect(await routes.lookUp('Orders')).to.deep.equal([queue(0), queue(1)]);
    expect(routes.known('Orders')).to.deep.equal([queue(0), queue(1)]);
    expect(client.tracked).to.deep.equal(['Orders']);
    client.learn('Orders', oneBroker(1));
    expect(routes.known('Orders')).to.deep.equal([queue(0)]);
  });

  it('share a lookup among all that need it', async () => {
    client.topics.set('Orders', oneBroker(1));
    const both = await Promise.all([routes.lookUp('Orders'), routes.lookUp('Orders')]);
    expect(both[0]).to.equal(both[1]);
    expect(client.lookups).to.deep.equal(['Orders']);
  });

  it('track a topic once, and give it back on close', async () => {
    client.topics.set('Orders', oneBroker(1));
    await routes.lookUp('Orders');
    await routes.refresh('Orders');
    expect(client.tracked).to.deep.equal(['Orders']);
    routes.close();
    expect(client.tracked).to.deep.equal([]);
  });

  describe('of a topic that does not exist', () => {
    it('are borrowed from the topic for it, with as many queues as wished', async () => {
      const borrowed = await routes.lookUp('New');
      expect(client.lookups).to.deep.equal(['New', 'TBW102']);
      expect(borrowed).to.deep.equal(
        ['broker-a', 'broker-b'].flatMap((name) => [0, 1, 2, 3].map((id) => queue(id, name, 'New'))),
      );
      expect(routes.known('New')).to.equal(borrowed);
    });

    it('have no more queues than the lender has', async () => {
      client.topics.set('TBW102', oneBroker(2));
      expect(await routes.lookUp('New')).to.deep.equal([queue(0, 'broker-a', 'New'), queue(1, 'broker-a', 'New')]);
    });

    it('are its own as soon as it exists', async () => {
      await routes.lookUp('New');
      client.learn('New', oneBroker(1));
      expect(routes.known('New')).to.deep.equal([queue(0, 'broker-a', 'New')]);
    });

    it('fail with its own error when nobody lends', async () => {
      client.topics.delete('TBW102');
      const error = await rejection(routes.lookUp('New'), RouteError);
      expect(error.code).to.equal('ERR_ROCKETMQ_TOPIC_NOT_FOUND');
      expect(error.message).to.include('New');
      expect(routes.known('New')).to.equal(undefined);
    });

    it("fail with the lender's error when it is another", async () => {
      const failure = new RouteError('ERR_ROCKETMQ_NO_NAME_SERVER', 'none answers');
      client.topics.set('TBW102', failure);
      expect(await rejection(routes.lookUp('New'), RouteError)).to.equal(failure);
    });
  });

  it('do not borrow when the name servers fail otherwise', async () => {
    const failure = new RouteError('ERR_ROCKETMQ_NO_NAME_SERVER', 'none answers');
    client.topics.set('Orders', failure);
    expect(await rejection(routes.lookUp('Orders'), RouteError)).to.equal(failure);
    expect(client.lookups).to.deep.equal(['Orders']);
  });

  it('of a topic that takes no messages are looked up each time', async () => {
    client.topics.set('Orders', route({ queueDatas: [queues('broker-a', { perm: 4 })], brokerDatas: [broker('broker-a', 'h:1')] })); // prettier-ignore
    for (let i = 0; i < 2; i++) {
      expect((await rejection(routes.lookUp('Orders'), RouteError)).code).to.equal('ERR_ROCKETMQ_NO_QUEUE');
      expect(routes.known('Orders')).to.equal(undefined);
    }
    client.topics.set('Orders', twoBrokers(1));
    expect(await routes.lookUp('Orders')).to.have.length(2);
  });

  it('stay as they are when they can not be read again', async () => {
    client.topics.set('Orders', oneBroker(1));
    await routes.lookUp('Orders');
    client.topics.set('Orders', new Error('name server away'));
    await routes.refresh('Orders');
    expect(routes.known('Orders')).to.deep.equal([queue(0)]);
  });
});
