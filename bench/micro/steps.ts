import { dispatchSteps } from './dispatch-steps.js';
import { messageSteps } from './message-steps.js';
import { queueSteps } from './queue-steps.js';
import type { StepSource } from './step.js';
import { wireSteps } from './wire-steps.js';

/** All steps, by the area they belong to. */
export const AREAS: ReadonlyMap<string, StepSource> = new Map<string, StepSource>([
  ['wire', wireSteps],
  ['messages', messageSteps],
  ['queue', queueSteps],
  ['dispatch', dispatchSteps],
]);
