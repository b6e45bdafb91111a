import type { FuzzTarget } from '../target.js';
import { compressionTargets } from './compression.js';
import { frameTargets } from './frames.js';
import { jsonTargets } from './json.js';
import { messageTargets } from './messages.js';
import { mockTargets } from './mock-broker.js';
import { requestTargets } from './requests.js';
import { textTargets } from './texts.js';

/** Everything that reads bytes somebody else has sent. */
export const targets: readonly FuzzTarget[] = [
  ...frameTargets,
  ...jsonTargets,
  ...messageTargets,
  ...compressionTargets,
  ...textTargets,
  ...requestTargets,
  ...mockTargets,
];
