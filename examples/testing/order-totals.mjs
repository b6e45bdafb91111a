import { OrderedConsumer } from 'rocketmq-ordered';

/** The service under test: adds up what is paid of each order, in the order in which it happened. */
export class OrderTotals {
  /** Cents by order. */
  totals = new Map();
  /** How often a payment was seen of an order that is not known yet. */
  waits = 0;
  /** What the consumer had to report, and goes on after. */
  errors = [];
  #isKnown;
  #consumer;
  #waiters = [];

  /** @param isKnown whether an order is there; its payments wait until it is */
  constructor(options, isKnown = () => true) {
    this.#isKnown = isKnown;
    this.#consumer = new OrderedConsumer({
      consumerGroup: 'order-totals',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    });
    this.#consumer.on('error', (error) => {
      this.errors.push(error);
      this.#wake();
    });
    this.#consumer.subscribe('Orders');
  }

  async start() {
    await this.#consumer.start(([message]) => this.#onPayment(JSON.parse(message.body.toString())));
  }

  /** Resolves as soon as `condition` holds. */
  async until(condition) {
    while (!condition(this)) await new Promise((resolve) => this.#waiters.push(resolve));
  }

  async close() {
    await this.#consumer.close();
  }

  #onPayment({ order, cents }) {
    const known = this.#isKnown(order);
    if (known) this.totals.set(order, (this.totals.get(order) ?? 0) + cents);
    else this.waits++;
    this.#wake();
    // Its queue waits a second and tries again: nothing of this order is counted before this payment.
    return known ? 'SUCCESS' : 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
  }

  #wake() {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
