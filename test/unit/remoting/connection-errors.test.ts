import { expect } from 'chai';
import { ConnectionError } from '../../../lib/errors.js';
import { connectFailed, describeCause, stillBackingOff } from '../../../lib/remoting/connection-errors.js';
import { rejection } from '../../support/rejection.js';
import { Harness, LOCK } from './harness.js';

describe('remoting/connection-errors', () => {
  it('finds the words of every kind of error', () => {
    expect(describeCause(new Error('refused'))).to.equal('refused');
    expect(describeCause(new RangeError())).to.equal('RangeError');
    expect(describeCause(new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]))).to.equal(
      '::1 refused, 127.0.0.1 refused',
    );
    expect(describeCause(new AggregateError([], 'nothing'))).to.equal('nothing');
    expect(describeCause('a text')).to.equal('a text');
    const openssl = Object.assign(new Error('80:error:x.c:1'), { library: 'SSL routines', reason: 'bad alert' });
    expect(describeCause(openssl)).to.equal('bad alert');
  });

  it('names the last failure of a peer that is paused', () => {
    const last = connectFailed('h:1', new Error('refused'));
    const error = stillBackingOff('h:1', 120.4, last);
    expect(error).to.include({ code: 'ERR_ROCKETMQ_CONNECT_FAILED', address: 'h:1', cause: last });
    expect(error.message).to.contain('in 121 ms').and.to.contain('refused');
  });

  it('explains a pause after a connection that was closed without having been of use', async () => {
    const harness = new Harness();
    const server = await harness.server({ onRequest: (command, peer) => peer.reply(command, { code: 1500 }) });
    const client = harness.client({ random: () => 1 });
    const error = await rejection(client.request(server.address, LOCK, { timeoutMs: 100 }), ConnectionError);
    expect(error.message).to.contain('before anything was answered');
    await harness.stop();
  });
});
