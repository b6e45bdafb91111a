import { expect } from 'chai';
import { Server, type AddressInfo } from 'node:net';
import sinon from 'sinon';
import { parseArguments } from '../../../mock-broker/cli-arguments.js';
import { MockCluster } from '../../../mock-broker/index.js';

describe('the ports of a mock cluster', () => {
  let listens: sinon.SinonSpy;

  beforeEach(() => {
    listens = sinon.spy(Server.prototype, 'listen');
  });

  afterEach(() => listens.restore());

  /** Where every server listens that was made since the test began. */
  function addresses(): string[] {
    return (listens.thisValues as Server[]).flatMap((server) => {
      const address = server.address() as AddressInfo | null;
      return address === null ? [] : [address.address];
    });
  }

  it('are those of this machine alone unless another address is asked for', async () => {
    const cluster = await MockCluster.start({ brokers: [{ name: 'a', replicas: 1 }, { name: 'b' }], nameServers: 2, http: true }); // prettier-ignore
    try {
      await cluster.broker('b').restart();
      // Two name servers, three brokers, one of which has started twice, and HTTP.
      expect(listens.callCount).to.be.at.least(7);
      expect(new Set(addresses())).to.deep.equal(new Set(['127.0.0.1']));
      expect(addresses().length).to.be.at.least(6);
    } finally {
      await cluster.stop();
    }
    expect(addresses()).to.deep.equal([]);
  });

  it('are so for the command, too', () => {
    const silent = { out: () => undefined, error: () => undefined };
    const { options } = parseArguments(['--topic', 'T', '--http', '0'], silent);
    expect(options.host).to.equal('127.0.0.1');
    expect(options.http).to.not.have.property('host');
  });

  it('are where they are asked to be', async () => {
    const cluster = await MockCluster.start({ host: '0.0.0.0', advertisedHost: '127.0.0.1' });
    expect(new Set(addresses())).to.deep.equal(new Set(['0.0.0.0']));
    await cluster.stop();
  });
});
