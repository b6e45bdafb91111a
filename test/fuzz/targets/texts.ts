import { ProtocolError, ValidationError } from '../../../lib/errors.js';
import { decodeHost, encodeHost } from '../../../lib/protocol/host-address.js';
import { leaseOf, withLease } from '../../../lib/protocol/lease.js';
import { offsetMessageId, parseOffsetMessageId } from '../../../lib/protocol/message-id.js';
import {
  decodeProperties,
  encodeProperties,
  findProperty,
  rewriteProperties,
} from '../../../lib/protocol/properties.js';
import {
  buildSubscription,
  matchesTags,
  parseSubscription,
  subscriptionJson,
} from '../../../lib/protocol/subscription.js';
import { jsonBody, parseJsonObject } from '../../../lib/protocol/json-fields.js';
import { decodeTopicRoute, encodeTopicRoute } from '../../../lib/protocol/topic-route.js';
import { parseDiscovery } from '../../../lib/routing/http-discovery.js';
import { expectSame } from '../equal.js';
import { goldenFrames } from '../model/golden.js';
import { bytes, group, int, json, type Piece } from '../model/piece.js';
import { propertiesTree } from '../model/records.js';
import { readJson } from '../model/json.js';
import { Discrepancy, type FuzzTarget } from '../target.js';
import { SAMPLE_RECORD } from './sample-record.js'; // prettier-ignore

/** What is small and mostly text: properties, routes, addresses, ids, subscriptions. */

const lines = (...texts: string[]): Piece[] => texts.map((text) => group(...text.split(/(?<=[:;.\]|])/).map(bytes)));

const properties: FuzzTarget = {
  name: 'properties',
  weight: 6,
  seeds: [
    propertiesTree(SAMPLE_RECORD.properties),
    propertiesTree('a\u0001b\u0002'),
    group(bytes('TAGS'), bytes('\u0001'), bytes('a\u0001b'), bytes('\u0002'), bytes('last\u0001one')),
  ],
  run(input) {
    const text = input.toString('utf8');
    const found = decodeProperties(input, 0, input.length);
    for (const name of [...Object.keys(found).slice(0, 8), 'TAGS', 'KEYS', '', 'constructor']) {
      const among = Object.hasOwn(found, name) ? found[name] : undefined;
      expectSame(findProperty(text, name), among, 'a property by itself and among others');
    }
    const written = Buffer.from(rewriteProperties(found));
    expectSame(decodeProperties(written, 0, written.length), found, 'properties written again');
    try {
      const sent = Buffer.from(encodeProperties(found));
      expectSame(decodeProperties(sent, 0, sent.length), found, 'properties written by a sender');
    } catch (error) {
      // A value that holds a separator can be read and stored again, but not sent.
      if (!(error instanceof ValidationError)) throw error;
    }
    return found;
  },
};

const routes = goldenFrames().filter((frame) => frame.request === 'GET_ROUTEINFO_BY_TOPIC' && frame.isResponse);

const topicRoute: FuzzTarget = {
  name: 'topic-route',
  weight: 6,
  seeds: routes.filter(({ command }) => command.body.length > 0).map(({ command }) => json(readJson(command.body.toString()))),
  run(input) {
    const route = decodeTopicRoute(input);
    for (const unquotedKeys of [false, true]) {
      expectSame(decodeTopicRoute(encodeTopicRoute(route, { unquotedKeys })), route, 'a route that is written again');
    }
    return route;
  },
}; // prettier-ignore

const hostText: FuzzTarget = {
  name: 'host-text',
  seeds: lines('10.0.0.1:1234', '[2001:db8::1]:10911', '[::]:0', '[fe80::1%eth0]:9876', '::ffff:1.2.3.4:80', '255.255.255.255:65535'),
  run(input) {
    const host = encodeHost(input.toString('utf8'));
    const text = decodeHost(host, 0, host.length === 20);
    expectSame(encodeHost(text), host, 'a host that is written again');
    return host;
  },
}; // prettier-ignore

const hostBytes: FuzzTarget = {
  name: 'host-bytes',
  seeds: [
    group(...[10, 0, 0, 1].map((byte) => int(1, byte)), int(4, 10_911)),
    group(...[0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].map((part) => int(2, part)), int(4, 1_234)),
  ],
  run(input) {
    // As a record does, whose length is known to be enough.
    const isV6 = input.length >= 20;
    if (input.length < 8) throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', 'too short for a host');
    const text = decodeHost(input, 0, isV6);
    const port = input.readInt32BE(isV6 ? 16 : 4);
    if (port < 0 || port > 999_999_999) return text;
    expectSame(encodeHost(text), input.subarray(0, isV6 ? 20 : 8), 'a host that is written again');
    return text;
  },
};

const messageId: FuzzTarget = {
  name: 'message-id',
  seeds: lines('0A00000100002A9F000000000001E240', '20010db800000000000000000000000100002A9F000000000001E240'),
  run(input) {
    const id = input.toString('utf8');
    const { storeHost, commitLogOffset } = parseOffsetMessageId(id);
    const colon = storeHost.lastIndexOf(':');
    const port = Number(storeHost.slice(colon + 1));
    if (port < 0 || port > 999_999_999) return id;
    const written = offsetMessageId(storeHost.slice(0, colon), port, commitLogOffset);
    expectSame(written, id.toUpperCase(), 'an id that is written again');
    return id;
  },
}; // prettier-ignore

const lease: FuzzTarget = {
  name: 'lease',
  seeds: lines('10.0.0.1@4711', '10.0.0.1@4711#lease=20000', 'a@b#lease=1', '#lease=0#lease=9999999999'),
  run(input) {
    const clientId = input.toString('utf8');
    const time = leaseOf(clientId);
    if (!Number.isSafeInteger(time) || time < 0) throw new Discrepancy(`a lease that is no time: ${time}`);
    expectSame(leaseOf(withLease('id', time)), time, 'a lease that is written again');
    return time;
  },
};

const expression: FuzzTarget = {
  name: 'subscription-text',
  // Built twice, and each written as JSON, where a byte may take six, and read again.
  allowance: (input) => 512 * input.length,
  seeds: lines('*', 'a', 'a || b||c', "a = 'x' AND b > 5", "(a IN ('1','2')) or not b"),
  run(input) {
    const text = input.toString('utf8');
    const built = [buildSubscription('T', text, 'TAG'), buildSubscription('T', text, 'SQL92')];
    for (const subscription of built) {
      const { tagsSet } = subscription;
      if (tagsSet.some((tag) => tag === '' || !matchesTags(subscription, tag))) throw new Discrepancy('a tag: not its own');
      expectSame(parseSubscription(parseJsonObject(jsonBody(subscriptionJson(subscription)))), subscription, 'a subscription that is written again');
    }
    return built;
  },
}; // prettier-ignore

function subscriptions(): Piece[] {
  const data = { ...buildSubscription('T', 'a || b', 'TAG', 1_700_000_000_000), classFilterMode: false };
  const sql = buildSubscription('T', "a = 'x'", 'SQL92', 5);
  return [data, sql].map((value) => json(readJson(JSON.stringify(subscriptionJson(value)))));
}

const subscriptionData: FuzzTarget = {
  name: 'subscription-data',
  weight: 2,
  seeds: subscriptions(),
  run(input) {
    const subscription = parseSubscription(parseJsonObject(input));
    matchesTags(subscription, 'a');
    const again = parseSubscription(parseJsonObject(jsonBody(subscriptionJson(subscription))));
    expectSame(again, subscription, 'a subscription that is written again');
    return subscription;
  },
};

const nameServers: FuzzTarget = {
  name: 'name-server-list',
  seeds: lines('10.0.0.1:9876;10.0.0.2:9876', 'http://a.example:9876', ' a:1 ; b:2;\r\nrest of a page', '[::1]:9876'),
  run(input) {
    const addresses = parseDiscovery(input);
    expectSame(parseDiscovery(Buffer.from(addresses.join(';'))), addresses, 'a list that is written again');
    return addresses;
  },
};

export const textTargets: readonly FuzzTarget[] = [
  properties,
  topicRoute,
  hostText,
  hostBytes,
  messageId,
  lease,
  expression,
  subscriptionData,
  nameServers,
];
