import fc from 'fast-check';
import { expect } from 'chai';
import {
  hasBody,
  type Operation,
  OPERATIONS,
  type OperationName,
  pathNames,
} from '../../../../mock-broker/admin/operations.js';
import { AdminRig, json } from './admin-rig.js';

/** Whatever is asked, it is done or refused with a reason: nothing fails within. */
describe('the control plane, asked anything', () => {
  let rig: AdminRig;

  before(async () => {
    rig = await AdminRig.start({ groups: { billing: {} } });
  });

  after(async () => rig.stop());

  const name = fc.oneof(fc.constantFrom('Orders', 'billing', 'broker-a', '%DLQ%billing', '0', '1'), fc.string({ minLength: 1, maxLength: 12 })); // prettier-ignore
  const value = fc.oneof(
    name,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const member = fc.constantFrom(
    'name', 'topic', 'broker', 'queueId', 'offset', 'group', 'body', 'bodyBase64', 'queues', 'perm', 'brokers', 'mode', 'timestamp',
    'action', 'code', 'ms', 'clientId', 'keys', 'properties', 'shardingKey', 'delayLevel', 'limit', 'from', 'retryMaxTimes',
    'route', 'lagMs', 'registered', 'brokerId', 'ext', 'timeoutMs',
    'compression', 'innerBatch', 'storedBodyBase64', 'sysFlag', 'flag', 'reconsumeTimes', 'bornTimestamp',
  ); // prettier-ignore
  // An hour a run at most: moving the time on forever would only wait for timers.
  const body = fc.oneof(fc.dictionary(member, value, { maxKeys: 6 }), fc.jsonValue({ maxDepth: 3 }));
  const operations = (Object.keys(OPERATIONS) as OperationName[]).filter((operation) => !operation.endsWith('Broker'));

  it('answers any JSON with 2xx or 4xx', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), fc.array(name, { minLength: 4, maxLength: 4 }), body, async (operation, names, given) => {
        const { method, path }: Operation = OPERATIONS[operation];
        const filled = pathNames(path).reduce((text, part, at) => text.replace(`:${part}`, encodeURIComponent(names[at] ?? '')), path);
        const { status, body: answer } = await rig.fetch(filled, hasBody(OPERATIONS[operation]) ? json(given, method) : { method });
        expect(status, `${operation} ${filled} ${JSON.stringify(given)}: ${JSON.stringify(answer)}`).to.be.within(200, 499);
        if (status >= 400) expect(answer).to.have.nested.property('error.message').that.is.a('string');
      }),
      { numRuns: 400 },
    ); // prettier-ignore
  });

  it('answers any query with 2xx or 4xx', async () => {
    const paths = ['/api/journal', '/api/topics/Orders/messages', '/api/topics/Orders/messages/by-key', '/api/topics', '/api/groups/billing/dead-letters']; // prettier-ignore
    const query = fc.dictionary(fc.oneof(member, fc.constantFrom('afterSeq', 'beforeSeq', 'direction', 'kind', 'key')), fc.oneof(name, fc.integer().map(String)), { maxKeys: 4 }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), query, async (path, given) => {
        const { status } = await rig.fetch(`${path}?${new URLSearchParams(given).toString()}`);
        expect(status).to.be.within(200, 499);
      }),
      { numRuns: 200 },
    );
  });

  it('answers any fault rule with 2xx or 4xx', async () => {
    const action = fc.record({
      type: fc.constantFrom('answer', 'delay', 'raw', 'close', 'lock', 'offset', 'members', 'pull', 'corrupt', 'chunk'),
      code: value, ms: value, base64: value, when: value, do: value, remove: value, what: value, size: value, ext: value,
    }, { requiredKeys: ['type'] }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.dictionary(member, value, { maxKeys: 3 }), action, async (rule, given) => {
        const { status } = await rig.fetch('/api/faults', json({ ...rule, action: given }));
        expect(status).to.be.oneOf([201, 400]);
      }),
      { numRuns: 200 },
    );
    rig.cluster.faults.clear();
  });
});
