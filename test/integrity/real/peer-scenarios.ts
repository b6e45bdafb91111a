import { joinGo, joinJava } from './peer-members.js';
import type { Scenario } from './scenario.js';

/** How long each call of the other clients takes, as of ours. */
const WAIT_MS = 150;

/** Members that are no client of ours, in the same group. Only ours have to answer for what they do. */
export const PEER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a Java and a Go member, and a SIGKILL of ours',
    members: 2,
    // The Go client gives no lock back when its queues move on: each move may cost the 60 s of the broker.
    zeroLagMs: 150_000,
    peers: [(group) => joinJava(group, WAIT_MS), (group) => joinGo(group, WAIT_MS)],
    run: async (group) => group.kill(group.member('m2')),
  },
];
