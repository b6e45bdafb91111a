/** What consumers and producers can be told: see lib/options/ for each option, and docs/configuration.md for a table. */

export { resolveClientOptions } from './options/client-options.js';
export type { AclCredentials, ClientLanguage, ClientOptions, ResolvedClientOptions } from './options/client-options.js';
export { resolveConsumerOptions } from './options/consumer-rules.js';
export type { AttemptStore, ExhaustedPolicy, LeaseOptions, OnExhausted } from './options/consumer-options.js';
export type { OrderedConsumerOptions, ResolvedConsumerOptions } from './options/consumer-options.js';
export { resolveProducerOptions } from './options/producer-options.js';
export type { ProducerOptions, QueuePolicy, ResolvedProducerOptions } from './options/producer-options.js';
export type { TlsOptions } from './remoting/tls.js';
