import { ConnectionError, RouteError } from '../../../lib/errors.js';
import { resolveProducerOptions, type ProducerOptions, type ResolvedProducerOptions } from '../../../lib/options.js';
import { ResponseCode } from '../../../lib/protocol/codes.js';
import { createResponse, createRequest, type RequestCommand } from '../../../lib/protocol/command.js';
import { MessageIdGenerator } from '../../../lib/protocol/message-id.js';
import type { MessageQueue } from '../../../lib/protocol/message-queue.js';
import { encodeSendReply, type SendMessageRequest } from '../../../lib/protocol/requests/send-message.js';
import { decodeShortNames } from '../../../lib/protocol/requests/send-message-v2.js';
import type { RequestType } from '../../../lib/protocol/requests/request-type.js';
import type { TopicRouteData } from '../../../lib/protocol/topic-route.js';
import { MessageSender, type SendObserver } from '../../../lib/producer/message-sender.js';
import { OutgoingFactory, type Outgoing } from '../../../lib/producer/outgoing.js';
import type { PendingSend, SendLimits } from '../../../lib/producer/pending-send.js';
import type { ProducerClient } from '../../../lib/producer/producer-client.js';
import type { ProducerMessage, SendResult } from '../../../lib/producer/producer-message.js';
import type { Target } from '../../../lib/producer/queue-choice.js';
import { publishQueues, subscribeQueues } from '../../../lib/routing/topic-queues.js';
import type { TopicRoute } from '../../../lib/routing/route-table.js';
import type { Clock } from '../../../lib/clock.js';
import { FakeClock } from '../../support/fake-clock.js';
import { broker, queues, route } from '../routing/route-data.js';

/** A send request as a broker would read it. */
export interface SentRequest extends SendMessageRequest {
  readonly code: number;
  readonly address: string;
  readonly timeoutMs: number;
  readonly oneway: boolean;
  readonly command: RequestCommand;
}

/** What a broker does with a request: answers it, by default with success, or fails as a connection does. */
export type Answer = (request: SentRequest) => { code: number; remark?: string } | void | Promise<void | { code: number; remark?: string }>; // prettier-ignore

/** A client without a network: brokers are a function, routes a map. */
export class FakeProducerClient implements ProducerClient {
  readonly clock: FakeClock | Clock;
  readonly requests: SentRequest[] = [];
  readonly topics = new Map<string, TopicRouteData | Error>();
  /** Topics that were asked for at the name servers, in order. */
  readonly lookups: string[] = [];
  readonly tracked: string[] = [];
  answer: Answer = () => undefined;
  /** Held back while set: the answers of name servers. */
  gate: Promise<unknown> | undefined;
  readonly #known = new Map<string, TopicRoute>();
  readonly #nextOffset = new Map<string, number>();

  constructor(clock: Clock = new FakeClock()) {
    this.clock = clock;
    this.topics.set('TBW102', twoBrokers(8));
  }

  readonly routes: ProducerClient['routes'] = {
    get: (topic) => this.#known.get(topic),
    fetch: async (topic) => {
      this.lookups.push(topic);
      await this.gate;
      const data = this.topics.get(topic);
      if (data instanceof Error) throw data;
      if (data === undefined) throw new RouteError('ERR_ROCKETMQ_TOPIC_NOT_FOUND', `topic ${topic} does not exist`);
      return this.learn(topic, data);
    },
    track: (topic) => void this.tracked.push(topic),
    untrack: (topic) => void this.tracked.splice(this.tracked.indexOf(topic), 1),
    brokerAddress: (brokerName) => {
      for (const { data } of this.#known.values()) {
        const address = data.brokerDatas.find((candidate) => candidate.brokerName === brokerName)?.brokerAddrs[0];
        if (address !== undefined) return address;
      }
      return undefined;
    },
  };

  readonly remoting: ProducerClient['remoting'] = {
    call: async (address, type, request, { timeoutMs }) => {
      const sent = this.#record(address, type.encode(request), timeoutMs, false);
      const { code = ResponseCode.SUCCESS, remark } = (await this.answer(sent)) ?? {};
      return this.#decode(type, sent, code, remark);
    },
    oneway: async (address, command, options) => {
      await this.answer(this.#record(address, command, options?.timeoutMs ?? 0, true));
    },
  };

  /** As when the route table polls. */
  learn(topic: string, data: TopicRouteData): TopicRoute {
    this.topics.set(topic, data);
    const known = {
      topic,
      data,
      publishQueues: publishQueues(topic, data),
      subscribeQueues: subscribeQueues(topic, data),
    };
    this.#known.set(topic, known);
    return known;
  }

  #record(address: string, command: RequestCommand, timeoutMs: number, oneway: boolean): SentRequest {
    const request = decodeShortNames(createRequest(command, 1));
    const sent = { ...request, code: command.code, address, timeoutMs, oneway, command };
    this.requests.push(sent);
    return sent;
  }

  #decode<Request, Reply>(type: RequestType<Request, Reply>, sent: SentRequest, code: number, remark?: string): Reply {
    const key = `${sent.brokerName}:${sent.queueId}`;
    const queueOffset = this.#nextOffset.get(key) ?? 0;
    this.#nextOffset.set(key, queueOffset + 1);
    const stored = encodeSendReply({
      status: 'SEND_OK',
      offsetMsgId: `7F00000100002A9F${queueOffset.toString(16).padStart(16, '0')}`,
      queueId: sent.queueId,
      queueOffset,
      regionId: 'DefaultRegion',
      traceOn: true,
    });
    const reply = { ...stored, code, ...(remark !== undefined && { remark }) };
    return type.decodeReply(createResponse(createRequest(sent.command, 1), reply));
  }
}

/** A topic with as many queues on broker-a and on broker-b. */
export function twoBrokers(count: number): TopicRouteData {
  return route({
    queueDatas: ['broker-b', 'broker-a'].map((name) => queues(name, { read: count, write: count })),
    brokerDatas: [broker('broker-a', '10.0.0.1:10911'), broker('broker-b', '10.0.0.2:10911')],
  });
}

export function oneBroker(count: number): TopicRouteData {
  return route({
    queueDatas: [queues('broker-a', { read: count, write: count })],
    brokerDatas: [broker('broker-a', '10.0.0.1:10911')],
  });
}

/** A failure of the connection that leaves open whether the message is stored. */
export function connectionLost(): ConnectionError {
  return new ConnectionError('ERR_ROCKETMQ_CONNECTION_LOST', '10.0.0.1:10911', 'the connection was lost');
}

/** A failure of the connection before anything was sent. */
export function connectFailed(): ConnectionError {
  return new ConnectionError('ERR_ROCKETMQ_CONNECT_FAILED', '10.0.0.1:10911', "can't connect");
}

/** A sender with everything it needs, and what it told its observer. */
export class SenderRig {
  readonly client: FakeProducerClient;
  readonly options: ResolvedProducerOptions;
  readonly sender: MessageSender;
  readonly factory: OutgoingFactory;
  readonly retries: { send: PendingSend; error: Error | undefined }[] = [];
  readonly blocked: { scope: Parameters<SendObserver['blocked']>[0]; cause: Error }[] = [];

  constructor(options: ProducerOptions = {}, client = new FakeProducerClient()) {
    this.client = client;
    this.options = resolveProducerOptions({ ...options, clock: client.clock });
    this.factory = new OutgoingFactory(this.options, new MessageIdGenerator('127.0.0.1'), client.clock);
    this.sender = new MessageSender(client, this.options, {
      retrying: (send, error) => this.retries.push({ send, error }),
      blocked: (scope, cause) => this.blocked.push({ scope, cause }),
    });
  }

  get clock(): FakeClock {
    if (this.client.clock instanceof FakeClock) return this.client.clock;
    throw new Error('this rig runs on another clock');
  }

  send(message: ProducerMessage, target?: Target, limits: Partial<SendLimits> = {}): Promise<SendResult> {
    const outgoing = this.factory.message(message);
    return this.sender.send(outgoing, target ?? defaultTarget(outgoing), this.limits(limits));
  }

  oneway(message: ProducerMessage, target?: Target, limits: Partial<SendLimits> = {}): Promise<void> {
    const outgoing = this.factory.message(message);
    return this.sender.sendOneway(outgoing, target ?? defaultTarget(outgoing), this.limits(limits));
  }

  batch(messages: readonly ProducerMessage[], target?: Target): Promise<SendResult> {
    const outgoing = this.factory.batch(messages, target !== undefined);
    return this.sender.send(outgoing, target ?? defaultTarget(outgoing), this.limits());
  }

  /** The bodies brokers got, in order. */
  get bodies(): string[] {
    return this.client.requests.map((request) => request.body.toString());
  }

  limits(limits: Partial<SendLimits> = {}): SendLimits {
    return { timeoutMs: this.options.sendMsgTimeout, signal: undefined, ...limits };
  }
}

function defaultTarget(outgoing: Outgoing): Target {
  return outgoing.shardingKey === undefined ? { by: 'any' } : { by: 'key', key: outgoing.shardingKey };
}

/** Ends calls one by one: what a broker under the test's control does. */
export class Valve {
  readonly #waiting: { release: (error?: Error) => void; request: SentRequest }[] = [];

  readonly answer: Answer = (request) =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ request, release: (error) => (error === undefined ? resolve() : reject(error)) });
    });

  /** The requests that wait for an answer. */
  get waiting(): string[] {
    return this.#waiting.map(({ request }) => request.body.toString());
  }

  /** Answers the request with this body. */
  release(body: string, error?: Error): void {
    const index = this.waiting.indexOf(body);
    if (index === -1) throw new Error(`${body} is not under way, only ${this.waiting.join(', ')}`);
    this.#waiting.splice(index, 1)[0]?.release(error);
  }
}

export function queue(queueId: number, brokerName = 'broker-a', topic = 'Orders'): MessageQueue {
  return { topic, brokerName, queueId };
}
