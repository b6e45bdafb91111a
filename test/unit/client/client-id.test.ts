import type { NetworkInterfaceInfo } from 'node:os';
import { expect } from 'chai';
import { createClientId, localAddress } from '../../../lib/client/client-id.js';

const none = { clientIP: '10.0.0.1', instanceName: undefined, unitName: undefined };

function network(address: string, family: 'IPv4' | 'IPv6', internal = false): NetworkInterfaceInfo {
  const common = { address, netmask: '', mac: '', internal, cidr: null };
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 0 };
}

describe('createClientId', () => {
  it('makes clustering consumers unique, also with equal address and pid', () => {
    const ids = new Set(Array.from({ length: 50 }, () => createClientId(none, 'CLUSTERING')));
    expect(ids).to.have.property('size', 50);
    for (const id of ids) expect(id).to.match(new RegExp(`^10\\.0\\.0\\.1@${process.pid}#[0-9a-f]{16}$`));
  });

  it("takes the reference's DEFAULT for no name", () => {
    const options = { ...none, instanceName: 'DEFAULT' };
    expect(createClientId(options, 'CLUSTERING')).to.match(/@\d+#[0-9a-f]{16}$/);
  });

  it('keeps DEFAULT where the id has to be stable', () => {
    expect(createClientId(none, 'BROADCASTING')).to.equal('10.0.0.1@DEFAULT');
    expect(createClientId(none, 'producer')).to.equal('10.0.0.1@DEFAULT');
  });

  it('keeps a given name, and appends the unit', () => {
    expect(createClientId({ ...none, instanceName: 'orders-0' }, 'CLUSTERING')).to.equal('10.0.0.1@orders-0');
    expect(createClientId({ ...none, instanceName: 'i', unitName: 'u' }, 'producer')).to.equal('10.0.0.1@i@u');
  });

  it("finds this machine's address when none is given", () => {
    const id = createClientId({ ...none, clientIP: undefined, instanceName: 'i' }, 'producer');
    expect(id).to.equal(`${localAddress()}@i`);
  });
});

describe('localAddress', () => {
  it('is the first IPv4 address that is not loopback', () => {
    const interfaces = {
      lo: [network('127.0.0.1', 'IPv4', true)],
      empty: undefined,
      eth0: [network('fe80::1', 'IPv6'), network('172.17.0.2', 'IPv4')],
      eth1: [network('10.0.0.9', 'IPv4')],
    };
    expect(localAddress(interfaces)).to.equal('172.17.0.2');
  });

  it('is 127.0.0.1 without a network', () => {
    expect(localAddress({})).to.equal('127.0.0.1');
    expect(localAddress({ lo: [network('127.0.0.1', 'IPv4', true)], v6: [network('::2', 'IPv6')] })).to.equal(
      '127.0.0.1',
    );
  });
});
