import { expect } from 'chai';
import { BrokerAddresses } from '../../../lib/routing/broker-addresses.js';
import { broker } from './route-data.js';

describe('routing/broker-addresses', () => {
  it('finds a broker by its id', () => {
    const table = new BrokerAddresses();
    table.learn([broker('a', 'h:1', 'h:2')]);
    expect(table.get('a', 0)).to.equal('h:1');
    expect(table.get('a', 1)).to.equal('h:2');
    expect(table.get('a', 2)).to.equal(undefined);
    expect(table.get('b', 0)).to.equal(undefined);
  });

  it('falls back from the preferred id to the master, then to the lowest id', () => {
    const table = new BrokerAddresses();
    table.learn([broker('a', 'h:1', 'h:2'), { ...broker('b'), brokerAddrs: { 3: 'h:5', 2: 'h:4' } }]);
    expect(table.any('a', 1)).to.deep.equal({ brokerId: 1, address: 'h:2' });
    expect(table.any('a', 7)).to.deep.equal({ brokerId: 0, address: 'h:1' });
    expect(table.any('b', 0)).to.deep.equal({ brokerId: 2, address: 'h:4' });
    expect(table.any('c', 0)).to.equal(undefined);
  });

  it('knows no address of a broker without any', () => {
    const table = new BrokerAddresses();
    table.learn([broker('a')]);
    expect(table.any('a', 0)).to.equal(undefined);
    expect(table.all()).to.deep.equal([]);
  });

  it('takes the latest word on a broker', () => {
    const table = new BrokerAddresses();
    table.learn([broker('a', 'h:1', 'h:2')]);
    table.learn([broker('a', 'h:3')]);
    expect(table.all()).to.deep.equal([{ brokerName: 'a', brokerId: 0, address: 'h:3' }]);
  });

  it('drops brokers no route names', () => {
    const table = new BrokerAddresses();
    table.learn([broker('a', 'h:1'), broker('b', 'h:2')]);
    table.retain([{ brokerDatas: [broker('b', 'h:2')] }]);
    expect(table.all()).to.deep.equal([{ brokerName: 'b', brokerId: 0, address: 'h:2' }]);
  });
});
