import type { ClientInstance } from '../../lib/client/client-instance.js';
import { RouteError } from '../../lib/errors.js';
import type { RequestType } from '../../lib/protocol/requests/request-type.js';
import type { TopicRoute } from '../../lib/routing/route-table.js';
import { FakeClock } from './fake-clock.js';

/** One request as it reached the double, and the way to answer it. */
export interface FakeCall {
  readonly code: number;
  /** The broker's name for a call to a master, the address for any other. */
  readonly to: string;
  readonly request: Record<string, unknown>;
  readonly at: number;
  readonly timeoutMs: number;
  /** Until when it may be sent. */
  readonly sendBefore: (() => number) | undefined;
  answer(reply: unknown): void;
  fail(error: Error): void;
}

/**
 * A client instance without sockets, on a clock that stands still. Requests are noted and answered by
 * {@link FakeClient.respond}, or later by the test.
 */
export class FakeClient {
  readonly clock = new FakeClock();
  readonly clientId = 'me';
  readonly requestTimeoutMs = 3_000;
  readonly calls: FakeCall[] = [];
  readonly fetched: string[] = [];
  readonly beats: string[] = [];
  readonly knownRoutes = new Map<string, TopicRoute>();
  /** Since when each address is connected; those left out aren't. */
  readonly connected = new Map<string, number>();
  /** Names of brokers without a master. */
  readonly masterless = new Set<string>();
  /** What to answer a call with; a thrown error rejects it, `undefined` leaves it open. */
  respond: (call: FakeCall) => unknown = () => undefined;

  readonly heartbeats = {
    beat: (address: string): Promise<void> => {
      this.beats.push(address);
      return Promise.resolve();
    },
  };

  readonly routes = {
    get: (topic: string): TopicRoute | undefined => this.knownRoutes.get(topic),
    fetch: (topic: string): Promise<TopicRoute> => {
      this.fetched.push(topic);
      const route = this.knownRoutes.get(topic);
      if (route !== undefined) return Promise.resolve(route);
      return Promise.reject(new RouteError('ERR_ROCKETMQ_TOPIC_NOT_FOUND', `no route to ${topic}`));
    },
    anyBrokerAddress: (brokerName: string): { address: string; brokerId: number } => ({
      address: `${brokerName}:1`,
      brokerId: 0,
    }),
    brokerAddress: (brokerName: string): string | undefined =>
      this.masterless.has(brokerName) ? undefined : `${brokerName}:1`,
  };

  readonly remoting = {
    call: <Request, Reply>(
      address: string,
      type: RequestType<Request, Reply>,
      request: Request,
      options: { timeoutMs: number; sendBefore?: () => number },
    ): Promise<Reply> => this.#call(address, type, request, options.timeoutMs, options.sendBefore),
  };

  callMaster<Request, Reply>(
    brokerName: string,
    type: RequestType<Request, Reply>,
    request: Request,
    timeoutMs: number = this.requestTimeoutMs,
    { sendBefore }: { sendBefore?: () => number } = {},
  ): Promise<Reply> {
    if (this.masterless.has(brokerName)) {
      return Promise.reject(new RouteError('ERR_ROCKETMQ_NO_BROKER', `broker ${brokerName} has no master`));
    }
    return this.#call(brokerName, type, request, timeoutMs, sendBefore);
  }

  introduce(brokerName: string): Promise<void> {
    if (!this.masterless.has(brokerName)) return Promise.resolve();
    return Promise.reject(new RouteError('ERR_ROCKETMQ_NO_BROKER', `broker ${brokerName} has no master`));
  }

  connectedSince(address: string): number | undefined {
    return this.connected.get(address);
  }

  /** As those who need a client take it. */
  asClient(): ClientInstance {
    return this as unknown as ClientInstance;
  }

  callsOf(code: number): FakeCall[] {
    return this.calls.filter((call) => call.code === code);
  }

  #call<Request, Reply>(
    to: string,
    type: RequestType<Request, Reply>,
    request: Request,
    timeoutMs: number,
    sendBefore: (() => number) | undefined,
  ): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const call: FakeCall = {
        code: type.code,
        to,
        request: request as Record<string, unknown>,
        at: this.clock.now(),
        timeoutMs,
        sendBefore,
        answer: (reply) => resolve(reply as Reply),
        fail: reject,
      };
      this.calls.push(call);
      try {
        const reply = this.respond(call);
        if (reply !== undefined) call.answer(reply);
      } catch (error) {
        call.fail(error as Error);
      }
    });
  }
}

/** A route of these queue counts, by broker name. */
export function routeOf(topic: string, queues: Readonly<Record<string, number>>): TopicRoute {
  const names = Object.keys(queues);
  const all = names.flatMap((brokerName) =>
    Array.from({ length: queues[brokerName] ?? 0 }, (_, queueId) => ({ topic, brokerName, queueId })),
  );
  return {
    topic,
    data: {
      orderTopicConf: undefined,
      queueDatas: [],
      brokerDatas: names.map((brokerName) => ({
        cluster: 'c',
        brokerName,
        brokerAddrs: { 0: `${brokerName}:1` },
        enableActingMaster: false,
      })),
      staticTopicBrokers: [],
    },
    publishQueues: all,
    subscribeQueues: all,
  };
}
