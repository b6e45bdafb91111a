import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ALLOCATE_STRATEGY_NAMES,
  AllocateMachineRoomNearby,
  AllocateMessageQueueAveragely,
  AllocateMessageQueueAveragelyByCircle,
  AllocateMessageQueueByConfig,
  AllocateMessageQueueByMachineRoom,
  AllocateMessageQueueConsistentHash,
  allocateStrategyByName,
  type AllocateMessageQueueStrategy,
} from '../../../../lib/consumer/allocation/index.js';
import { ValidationError } from '../../../../lib/errors.js';
import { compareMessageQueues, messageQueueKey, type MessageQueue } from '../../../../lib/protocol/message-queue.js';

const GROUP = 'g';

function queuesOf(topic: string, brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic, brokerName, queueId }));
}

function allocateAll(
  strategy: AllocateMessageQueueStrategy,
  queues: readonly MessageQueue[],
  consumerIds: readonly string[],
): MessageQueue[][] {
  return consumerIds.map((consumerId) => strategy.allocate(GROUP, consumerId, queues, consumerIds));
}

function queueIds(allocated: readonly MessageQueue[][]): number[][] {
  return allocated.map((queues) => queues.map((queue) => queue.queueId));
}

const roomResolver = {
  brokerDeployIn: (queue: MessageQueue) =>
    queue.brokerName.startsWith('room') ? queue.brokerName.slice(0, 5) : 'roomZ',
  consumerDeployIn: (consumerId: string) => consumerId.slice(0, 5),
};

const strategies: Record<string, AllocateMessageQueueStrategy> = Object.fromEntries(
  [
    new AllocateMessageQueueAveragely(),
    new AllocateMessageQueueAveragelyByCircle(),
    new AllocateMessageQueueConsistentHash(),
    new AllocateMessageQueueByMachineRoom(['roomA', 'roomB']),
    new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), roomResolver),
    new AllocateMachineRoomNearby(new AllocateMessageQueueConsistentHash(), roomResolver),
  ].map((strategy) => [strategy.name, strategy]),
);

/** Queues of one topic and members, sorted as callers sort them. */
const clusters = fc
  .record({
    topic: fc.constantFrom('T1', 'Orders', '%RETRY%g'),
    queues: fc.uniqueArray(fc.record({ brokerName: fc.constantFrom('a', 'B', 'roomA@1'), queueId: fc.nat(40) }), {
      minLength: 1,
      maxLength: 40,
      selector: ({ brokerName, queueId }) => `${brokerName}#${queueId}`,
    }),
    consumerIds: fc.uniqueArray(fc.stringMatching(/^10\.0\.0\.\d{1,3}@\d{1,4}(#[a-zA-Z]{1,4})?$/), {
      minLength: 1,
      maxLength: 12,
    }),
  })
  .map(({ topic, queues, consumerIds }) => ({
    queues: queues.map((queue) => ({ topic, ...queue })).sort(compareMessageQueues),
    consumerIds: consumerIds.sort(),
  }));

describe('allocation strategies', () => {
  describe('known results of the reference', () => {
    const eight = queuesOf('T1', 'broker-a', 8);
    const three = ['c1', 'c2', 'c3'];

    it('AVG gives contiguous blocks, the longer ones first', () => {
      const avg = new AllocateMessageQueueAveragely();
      expect(queueIds(allocateAll(avg, eight, three))).to.deep.equal([[0, 1, 2], [3, 4, 5], [6, 7]]); // prettier-ignore
      expect(queueIds(allocateAll(avg, queuesOf('T1', 'broker-a', 2), three))).to.deep.equal([[0], [1], []]);
    });

    it('AVG_BY_CIRCLE deals one by one', () => {
      const circle = new AllocateMessageQueueAveragelyByCircle();
      expect(queueIds(allocateAll(circle, eight, three))).to.deep.equal([[0, 3, 6], [1, 4, 7], [2, 5]]); // prettier-ignore
    });

    it('CONSISTENT_HASH has the same ring', () => {
      const hash = new AllocateMessageQueueConsistentHash();
      expect(queueIds(allocateAll(hash, eight, three))).to.deep.equal([[4, 7], [1, 2, 3, 6], [0, 5]]); // prettier-ignore
    });

    const cases = JSON.parse(
      readFileSync(new URL('../../../fixtures/allocation/reference.json', import.meta.url), 'utf8'),
    ) as {
      topic: string;
      queues: [brokerName: string, queueId: number][];
      consumerIds: string[];
      owned: Record<string, number[][]>;
    }[];

    for (const name of Object.keys(cases[0]?.owned ?? {})) {
      it(`${name} agrees with every recorded allocation`, () => {
        const strategy = strategies[name];
        if (strategy === undefined) throw new Error(`no strategy is named ${name}`);
        for (const { topic, queues, consumerIds, owned } of cases) {
          const all = queues.map(([brokerName, queueId]) => ({ topic, brokerName, queueId }));
          const allocated = allocateAll(strategy, all, consumerIds);
          expect(allocated.map((mine) => mine.map((queue) => all.indexOf(queue)))).to.deep.equal(owned[name]);
        }
      });
    }
  });

  for (const name of ALLOCATE_STRATEGY_NAMES) {
    describe(name, () => {
      const strategy = allocateStrategyByName(name);

      it('is what its name says', () => {
        expect(strategy.name).to.equal(name);
      });

      it('gives every queue to exactly one member', () => {
        fc.assert(
          fc.property(clusters, ({ queues, consumerIds }) => {
            const owned = allocateAll(strategy, queues, consumerIds).flat().map(messageQueueKey).sort();
            expect(owned).to.deep.equal(queues.map(messageQueueKey).sort());
          }),
        );
      });

      it('always answers the same, and leaves its arguments alone', () => {
        fc.assert(
          fc.property(clusters, ({ queues, consumerIds }) => {
            const [member = ''] = consumerIds;
            const first = strategy.allocate(GROUP, member, Object.freeze([...queues]), Object.freeze([...consumerIds]));
            const again = allocateStrategyByName(name).allocate('other group', member, queues, consumerIds);
            expect(again).to.deep.equal(first);
          }),
        );
      });

      it('gives nothing to somebody who is no member', () => {
        expect(strategy.allocate(GROUP, 'c9', queuesOf('T', 'b', 4), ['c1', 'c2'])).to.deep.equal([]);
      });
    });
  }

  for (const name of ['AVG', 'AVG_BY_CIRCLE'] as const) {
    it(`${name}: no member has two queues more than another`, () => {
      fc.assert(
        fc.property(clusters, ({ queues, consumerIds }) => {
          const sizes = allocateAll(allocateStrategyByName(name), queues, consumerIds).map((owned) => owned.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1);
        }),
      );
    });
  }

  describe('CONSISTENT_HASH when members come and go', () => {
    const hash = new AllocateMessageQueueConsistentHash();

    it('moves only the queues of the member that left', () => {
      fc.assert(
        fc.property(clusters, fc.nat(), ({ queues, consumerIds }, choice) => {
          fc.pre(consumerIds.length > 1);
          const gone = consumerIds[choice % consumerIds.length];
          const rest = consumerIds.filter((consumerId) => consumerId !== gone);
          for (const consumerId of rest) {
            const before = hash.allocate(GROUP, consumerId, queues, consumerIds);
            expect(hash.allocate(GROUP, consumerId, queues, rest)).to.include.members(before);
          }
        }),
      );
    });

    it('moves queues only to the member that joined', () => {
      fc.assert(
        fc.property(clusters, ({ queues, consumerIds }) => {
          const more = [...consumerIds, '10.9.9.9@new'].sort();
          for (const consumerId of consumerIds) {
            const after = hash.allocate(GROUP, consumerId, queues, more);
            expect(hash.allocate(GROUP, consumerId, queues, consumerIds)).to.include.members(after);
          }
        }),
      );
    });

    it('spreads by another number of virtual nodes when told to', () => {
      const queues = queuesOf('T1', 'broker-a', 64);
      const other = new AllocateMessageQueueConsistentHash({ virtualNodeCount: 100 });
      const members = ['c1', 'c2', 'c3'];
      expect(allocateAll(other, queues, members).flat()).to.have.lengthOf(64);
      expect(queueIds(allocateAll(other, queues, members))).to.not.deep.equal(
        queueIds(allocateAll(hash, queues, members)),
      );
    });

    it('refuses a number of virtual nodes that is none', () => {
      for (const virtualNodeCount of [0, -1, 1.5, Number.NaN, '10' as unknown as number]) {
        expect(() => new AllocateMessageQueueConsistentHash({ virtualNodeCount })).to.throw(ValidationError);
      }
    });
  });

  describe('empty arguments', () => {
    for (const strategy of Object.values(strategies)) {
      it(`${strategy.name} refuses them`, () => {
        const queues = queuesOf('T', 'roomA@b', 2);
        expect(() => strategy.allocate(GROUP, '', queues, ['roomA'])).to.throw(ValidationError, 'currentCid');
        expect(() => strategy.allocate(GROUP, 'roomA', [], ['roomA'])).to.throw(ValidationError, 'queues');
        expect(() => strategy.allocate(GROUP, 'roomA', queues, [])).to.throw(ValidationError, 'consumerIds');
      });
    }
  });

  describe('CONFIG', () => {
    it('hands out its list whatever is asked, as a copy', () => {
      const list = queuesOf('T', 'b', 2);
      const config: AllocateMessageQueueStrategy = new AllocateMessageQueueByConfig(list);
      list.pop();
      const first = config.allocate(GROUP, 'anybody', [], []);
      first.pop();
      expect(config.allocate(GROUP, 'c1', queuesOf('U', 'b', 9), ['c1'])).to.deep.equal(queuesOf('T', 'b', 2));
      expect(config.name).to.equal('CONFIG');
    });

    it('refuses what is no list', () => {
      expect(() => new AllocateMessageQueueByConfig('b' as unknown as MessageQueue[])).to.throw(ValidationError);
    });
  });

  describe('MACHINE_ROOM', () => {
    it('gives blocks of the configured rooms, then the rest one by one, and gives up the other rooms', () => {
      const room = new AllocateMessageQueueByMachineRoom(['east']);
      const queues = [...queuesOf('T', 'east@b', 5), ...queuesOf('T', 'west@b', 4), ...queuesOf('T', 'plain', 1)];
      const allocated = allocateAll(room, queues, ['c1', 'c2']);
      expect(queueIds(allocated)).to.deep.equal([[0, 1, 4], [2, 3]]); // prettier-ignore
      expect(allocated.flat().every((queue) => queue.brokerName === 'east@b')).to.equal(true);
      expect(room.allocate(GROUP, 'c9', queues, ['c1'])).to.deep.equal([]);
    });

    it('refuses to be without rooms', () => {
      expect(() => new AllocateMessageQueueByMachineRoom([])).to.throw(ValidationError, 'machineRooms');
      expect(() => new AllocateMessageQueueByMachineRoom('east')).to.throw(ValidationError, 'machineRooms');
    });
  });

  describe('MACHINE_ROOM_NEARBY', () => {
    it('gives every queue to exactly one member, in the room of its broker if there is one', () => {
      const consumers = fc.uniqueArray(fc.stringMatching(/^room[A-D]-\d{1,3}$/), { minLength: 1, maxLength: 8 });
      const nearby = new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), roomResolver);
      fc.assert(
        fc.property(
          consumers,
          fc.subarray(['roomA@1', 'roomB@1', 'roomE@1', 'b'], { minLength: 1 }),
          (ids, brokers) => {
            const queues = brokers.flatMap((broker) => queuesOf('T', broker, 5)).sort(compareMessageQueues);
            const members = ids.sort();
            const rooms = new Set(members.map(roomResolver.consumerDeployIn));
            const allocated = allocateAll(nearby, queues, members);
            expect(allocated.flat().map(messageQueueKey).sort()).to.deep.equal(queues.map(messageQueueKey).sort());
            allocated.forEach((owned, index) => {
              for (const queue of owned) {
                const room = roomResolver.brokerDeployIn(queue);
                if (rooms.has(room)) expect(roomResolver.consumerDeployIn(members[index] ?? '')).to.equal(room);
              }
            });
          },
        ),
      );
    });

    it('gives nothing to somebody who is no member', () => {
      const nearby = strategies['MACHINE_ROOM_NEARBY-AVG'];
      expect(nearby?.allocate(GROUP, 'roomX', queuesOf('T', 'roomA@1', 1), ['roomA'])).to.deep.equal([]);
    });

    it('refuses a resolver that knows no room', () => {
      const blank = { brokerDeployIn: () => '', consumerDeployIn: () => 'r' };
      const nearby = new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), blank);
      expect(() => nearby.allocate(GROUP, 'c', queuesOf('T', 'b', 1), ['c'])).to.throw(
        ValidationError,
        'brokerDeployIn',
      );
      const deaf = { brokerDeployIn: () => 'r', consumerDeployIn: () => undefined as unknown as string };
      const other = new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), deaf);
      expect(() => other.allocate(GROUP, 'c', queuesOf('T', 'b', 1), ['c'])).to.throw(
        ValidationError,
        'consumerDeployIn',
      );
    });

    it('refuses to be built of something else', () => {
      const avg = new AllocateMessageQueueAveragely();
      expect(() => new AllocateMachineRoomNearby({} as AllocateMessageQueueAveragely, roomResolver)).to.throw(
        ValidationError,
        'strategy',
      );
      expect(() => new AllocateMachineRoomNearby(avg, {} as typeof roomResolver)).to.throw(
        ValidationError,
        'machineRoomResolver',
      );
    });
  });
});
