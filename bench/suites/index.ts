import type { Suite } from '../harness/suite.js';
import { handover } from './handover.js';
import { ioBound } from './io-bound.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { mock } from './mock.js';
import { producer } from './producer.js';
import { scale } from './scale.js';
import { startup } from './startup.js';
import { throughput } from './throughput.js';

/** All suites by name, in the order in which `npm run bench` runs them. */
export const SUITES: ReadonlyMap<string, Suite> = new Map(
  [throughput, startup, latency, memory, ioBound, scale, producer, handover, mock].map((suite) => [suite.name, suite]),
);
