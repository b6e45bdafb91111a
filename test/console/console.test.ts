import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { MockCluster } from '../../mock-broker/index.js';
import { OrderedConsumer } from '../../lib/index.js';
import * as browserPage from './browser.js';
import { launch, openPage } from './browser.js';
import { openConsole, type OpenConsole } from './open-console.js';

/** Every control of the console page, in a real browser, by what it does to the cluster. */
describe('the console', () => {
  let browser: Browser;
  let cluster: MockCluster;
  let page: Page;
  let opened: OpenConsole;

  before(async () => {
    browser = await launch();
  });

  after(async () => browser?.close());

  beforeEach(async () => {
    opened = await openConsole(browser, { brokers: 2, watchdogs: 'report' });
    ({ cluster, page } = opened);
  });

  afterEach(() => opened.close());

  const section = (name: string) => browserPage.section(page, name);
  const said = (text: string | RegExp) => browserPage.said(page, text);

  /** A value of a tile, once it is that. */
  const tile = (name: string, value: string) =>
    page.locator('.tile', { hasText: name }).locator('.value', { hasText: new RegExp(`^${value}$`) }).waitFor(); // prettier-ignore

  async function lane(broker: string, queueId: number) {
    const found = page.locator('.lane', { hasText: `${broker} · ${queueId}` });
    await found.waitFor();
    return found;
  }

  it('sends messages, which appear in their lanes', async () => {
    const form = section('Send');
    await form.getByLabel('Body').fill('{"event":"paid"}');
    await form.getByLabel('Sharding key').fill('o-17');
    await form.getByLabel('Tag').fill('Paid');
    await form.getByLabel('Keys').fill('o-17 c-4');
    await form.getByLabel('How many').fill('3');
    await form.getByRole('button', { name: 'Send' }).click();
    await said(/3 messages sent/);
    const messages = cluster.messages('Orders');
    expect(messages.map((message) => [message.body.toString(), message.tags, message.shardingKey])).to.deep.equal(
      Array.from({ length: 3 }, () => ['{"event":"paid"}', 'Paid', 'o-17']),
    );
    expect(messages[0]?.keys).to.deep.equal(['o-17', 'c-4']);
    const { brokerName = '', queueId = 0 } = messages[0] ?? {};
    const cells = (await lane(brokerName, queueId)).locator('.track .cell[data-state=stored]');
    await cells.nth(2).waitFor();
    expect(await cells.count()).to.equal(3);
    await tile('Messages', '3');
  });

  it('makes topics, and shows delayed messages until they are due', async () => {
    const form = section('Send');
    await form.getByLabel('New topic').fill('Payments');
    await form.getByLabel('Queues').fill('3');
    await form.getByRole('button', { name: 'Create' }).click();
    await said('Topic Payments was made');
    expect(cluster.topics()).to.deep.equal(['Orders', 'Payments']);
    await form.getByLabel('Topic', { exact: true }).selectOption('Payments');
    await form.getByLabel('Delay level').fill('3');
    await form.getByRole('button', { name: 'Send' }).click();
    await section('Delayed messages').getByText('in 10 s').waitFor();
    expect(cluster.messages('Payments')).to.deep.equal([]);
    await page.getByRole('button', { name: 'Move the time ahead by 10 s' }).click();
    await section('Delayed messages').getByText('None waits.').waitFor();
    expect(cluster.messages('Payments')).to.have.length(1);
    await section('Queues').getByLabel('Topic').selectOption('Payments');
    await page.locator('.lane').nth(5).waitFor();
  });

  it('moves the time', async () => {
    const before = cluster.clock.now();
    await page.getByRole('button', { name: 'Move the time ahead by 1.0 s' }).click();
    await said('The time was moved ahead by 1.0 s');
    await page.getByRole('button', { name: 'Move the time ahead by 1 min' }).click();
    await said('The time was moved ahead by 1 min');
    await page.getByLabel('Milliseconds to move the time ahead').fill('250');
    await page.getByRole('button', { name: 'Move the time ahead by so many milliseconds' }).click();
    await said('The time was moved ahead by 250 ms');
    expect(cluster.clock.now() - before).to.equal(61_250);
  });

  it('shows who owns each queue, how far it is, and lets its lease run down', async () => {
    cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId: 0 });
    cluster.produce('Orders', { body: 'b', brokerName: 'broker-a', queueId: 0 });
    const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 0 };
    cluster.broker('broker-a').stealLock('billing', queue, 'c1');
    cluster.setOffset('billing', queue, 1);
    const shown = await lane('broker-a', 0);
    await shown.locator('.owner', { hasText: 'c1' }).waitFor();
    await shown.locator('.lease-text', { hasText: '1 min 0 s' }).waitFor();
    await shown.locator('.cell[data-state=committed]').waitFor();
    await shown.locator('.lag', { hasText: 'lag 1' }).waitFor();
    // Also once its history is drawn beside it.
    await shown.locator('.spark svg').waitFor();
    cluster.setOffset('billing', queue, 2);
    await shown.locator('.lag', { hasText: 'lag 0' }).waitFor();
    cluster.clock.advance(55_000);
    await shown.locator('.lease[data-low=true]').waitFor({ state: 'attached' });
    cluster.clock.advance(6000);
    await shown.locator('.lease-text', { hasText: 'expired' }).waitFor();
    await section('Queues').getByLabel('Group').selectOption('(no group)');
    await shown.locator('.cell[data-state=stored]').nth(1).waitFor();
  });

  it('resets the offsets of a group', async () => {
    cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId: 0 });
    const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 0 };
    cluster.setOffset('billing', queue, 1);
    await (await lane('broker-a', 0)).locator('.cell[data-state=committed]').waitFor();
    const form = section('Queues');
    await form.getByRole('button', { name: 'Reset offsets' }).click();
    await said(/billing goes on elsewhere/);
    const offset = () =>
      cluster.offsets('billing').find((one) => one.brokerName === 'broker-a' && one.queueId === 0)?.offset;
    expect(offset()).to.equal(0);
    await form.getByLabel('Consume again from').selectOption('the end');
    await form.getByRole('button', { name: 'Reset offsets' }).click();
    await (await lane('broker-a', 0)).locator('.offsets', { hasText: 'committed 1' }).waitFor();
    expect(offset()).to.equal(1);
  });

  it('shows the messages of a queue, as text, page by page', async () => {
    for (let count = 0; count < 30; count++) {
      cluster.produce('Orders', { body: `<img src=x onerror="document.title='owned'"> ${count}`, brokerName: 'broker-a', queueId: 1 }); // prettier-ignore
    }
    await (await lane('broker-a', 1)).locator('.cell').nth(29).waitFor();
    await page.getByRole('button', { name: 'Messages of broker-a · 1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Orders · broker-a · queue 1' });
    await dialog.getByText('#29', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Older' }).click();
    await dialog.getByText('#0', { exact: true }).waitFor();
    expect(await dialog.getByRole('button', { name: 'Older' }).isDisabled()).to.equal(true);
    await dialog.locator('summary').first().click();
    await dialog.getByText('UNIQ_KEY').first().waitFor();
    await dialog.getByRole('button', { name: 'Newer' }).click();
    await dialog.getByText('#29', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect(await page.title()).to.equal('RocketMQ mock cluster');
    expect(await page.locator('main img, dialog img').count()).to.equal(0);
  });

  it('stops, starts and disturbs brokers', async () => {
    const brokers = section('Brokers');
    const card = brokers.locator('.broker', { hasText: 'broker-a' });
    const broker = cluster.broker('broker-a');
    await brokers.getByRole('button', { name: 'Stop broker-a' }).click();
    await said('broker-a was stopped');
    expect(broker.running).to.equal(false);
    await tile('Brokers up', '1');
    await brokers.getByRole('button', { name: 'Start broker-a' }).click();
    await said('broker-a was started');
    expect(broker.running).to.equal(true);
    await brokers.getByRole('button', { name: 'Stop broker-a' }).waitFor();

    const queue = { topic: 'Orders', brokerName: 'broker-a', queueId: 0 };
    broker.stealLock('billing', queue, 'c1');
    await card.getByRole('button', { name: 'Expire locks' }).click();
    await said('broker-a let its locks expire');
    expect(cluster.locks('billing')[0]?.lastUpdateMs).to.be.lessThan(cluster.clock.now() - 60_000);
    await card.getByRole('button', { name: 'Clear locks' }).click();
    await said('broker-a forgot its locks');
    expect(cluster.locks('billing')).to.deep.equal([]);
    await card.getByLabel('What broker-a allows').selectOption('read only');
    await said('broker-a allows to read only');
    expect(broker.state.permission).to.equal(4);
    await card.getByRole('button', { name: 'Restart' }).click();
    await said('broker-a was restarted');
    await card.getByRole('button', { name: 'Disconnect' }).click();
    await said('broker-a disconnected its clients');
  });

  it('knows every fault action, and switches faults off and on', async () => {
    const faults = section('Faults');
    const type = faults.getByLabel('What happens');
    await type.locator('option').nth(16).waitFor({ state: 'attached' });
    const types = await type.locator('option').allTextContents();
    expect(types).to.include.members(['answer', 'delay', 'lock', 'offset', 'members', 'pull', 'corrupt', 'halfOpen']);
    const needed: Record<string, string> = {
      code: '1',
      ms: '5',
      base64: 'AAAA',
      size: '1',
      frames: '2',
      bytesPerSecond: '100',
    };
    for (const [index, name] of types.entries()) {
      await type.selectOption(name);
      for (const input of await faults.locator('.wide input[required]').all()) {
        await input.fill(needed[(await input.getAttribute('data-name')) ?? ''] ?? '1');
      }
      await faults.getByRole('button', { name: 'Add fault' }).click();
      await faults.getByRole('switch').nth(index).waitFor();
    }
    expect(cluster.faults.active.map((fault) => fault.rule.action.type)).to.deep.equal(types);
    await faults.getByRole('button', { name: 'Remove all' }).click();
    await faults.getByText('None: everything goes as it should.').waitFor();
    expect(cluster.faults.active).to.deep.equal([]);

    await type.selectOption('lock');
    await faults.getByLabel('do', { exact: true }).selectOption('refuse');
    await faults.getByText('Only some of them').click();
    await faults.getByLabel('Group').fill('billing');
    await faults.getByLabel('How often').fill('3');
    await faults.getByLabel('Probability').fill('0.5');
    await faults.getByRole('button', { name: 'Add fault' }).click();
    const toggle = faults.getByRole('switch');
    await toggle.waitFor();
    const rule = {
      code: 'LOCK_BATCH_MQ',
      group: 'billing',
      times: 3,
      probability: 0.5,
      action: { type: 'lock', do: 'refuse' },
    };
    expect(cluster.faults.active.map((fault) => fault.rule)).to.deep.equal([rule]);
    await toggle.click();
    await faults.locator('[role=switch][aria-checked=false]').waitFor();
    expect(cluster.faults.active).to.deep.equal([]);
    await toggle.click();
    await faults.locator('[role=switch][aria-checked=true]').waitFor();
    expect(cluster.faults.active.map((fault) => fault.rule)).to.deep.equal([rule]);
    await faults.getByRole('button', { name: /^Remove lock refuse/ }).click();
    await faults.getByText('None: everything goes as it should.').waitFor();
  });

  it('says what is wrong with a fault', async () => {
    const faults = section('Faults');
    await faults.getByLabel('What happens').selectOption('drop');
    await faults.getByLabel('To requests').fill('NO_SUCH_CODE');
    await faults.getByRole('button', { name: 'Add fault' }).click();
    await said(/fault.code is not valid: got "NO_SUCH_CODE"/);
    // The browser tells of every answer that is a refusal.
    opened.complaints.splice(0);
  });

  it('shows the history of dead letters, and replays one', async () => {
    const { msgId } = cluster.produce('Orders', { body: 'bad', shardingKey: 'o-1' });
    cluster.createTopic('%DLQ%billing', { queues: 1, brokers: ['broker-a'] });
    cluster.clock.advance(1000);
    cluster.produce('%DLQ%billing', { body: 'bad', shardingKey: 'o-1', reconsumeTimes: 16, properties: { RETRY_TOPIC: 'Orders', UNIQ_KEY: msgId } }); // prettier-ignore
    cluster.clock.advance(1000);
    const letters = section('Dead letters');
    await letters.locator('.history li').nth(1).waitFor();
    expect(await letters.locator('.history li strong').allTextContents()).to.deep.equal(['stored', 'dead']);
    await letters.getByRole('button', { name: 'Replay bad' }).click();
    await said(/Stored again in Orders/);
    await letters.locator('.history li[data-what=replayed]').waitFor();
    expect(cluster.messages('Orders').map((message) => message.msgId)).to.deep.equal([msgId, msgId]);
    await tile('Dead letters', '1');
  });

  it('shows the journal as it grows, by filters, and stands still when told to', async () => {
    const consumer = new OrderedConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'billing' });
    consumer.subscribe('Orders');
    await consumer.start(() => undefined);
    const journal = section('Journal');
    const rows = journal.locator('.journal > li');
    await rows.filter({ hasText: 'LOCK_BATCH_MQ' }).first().waitFor();
    await journal.getByLabel('Code').fill('LOCK_BATCH_MQ');
    await journal.getByLabel('Group').fill('billing');
    await journal.getByRole('button', { name: 'Apply' }).click();
    await rows.filter({ hasText: 'PULL_MESSAGE' }).first().waitFor({ state: 'detached' });
    expect(await rows.count()).to.equal(4);
    await journal.getByLabel('Direction').selectOption('received');
    await rows.nth(2).waitFor({ state: 'detached' });
    const row = rows.first();
    expect(await row.textContent()).to.match(/locked \d of \d queues of billing/);
    await row.locator('summary').click();
    await row.locator('pre', { hasText: 'mqSet' }).waitFor();

    await journal.getByLabel('Kind').selectOption('answers');
    await journal.getByText('No such frame yet.').waitFor();
    await journal.getByRole('button', { name: 'Show all' }).click();
    await rows.filter({ hasText: 'PULL_MESSAGE' }).first().waitFor();
    await journal.getByRole('button', { name: 'Pause' }).click();
    await journal.getByText('Paused: what comes is not shown.').waitFor();
    await consumer.close();
    await cluster.journal.waitFor((entry) => entry.code === 35);
    expect(await rows.filter({ hasText: 'UNREGISTER_CLIENT' }).count()).to.equal(0);
    await journal.getByRole('button', { name: 'Go on' }).click();
    await rows.filter({ hasText: 'UNREGISTER_CLIENT' }).first().waitFor();
    await journal.getByRole('button', { name: 'Clear' }).click();
    await journal.getByText('No such frame yet.').waitFor();
    expect(cluster.journal.entries).to.deep.equal([]);
  });

  it('shows violations, and reads them out', async () => {
    const consumer = new OrderedConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'billing',
      instanceName: 'c1',
    });
    consumer.subscribe('Orders');
    await consumer.start(() => undefined);
    cluster.faults.add({ code: 'LOCK_BATCH_MQ', action: { type: 'lock', do: 'grant' } });
    const found = cluster.violations.length;
    const other = new OrderedConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'billing',
      instanceName: 'c2',
    });
    other.subscribe('Orders');
    await other.start(() => undefined);
    expect(found).to.equal(0);
    await section('Violations').locator('li strong', { hasText: 'twoOwners' }).first().waitFor();
    await said(/^Violation: /);
    await Promise.all([consumer.close(), other.close()]);
  });

  it('asks for the token, and keeps it', async () => {
    const admin = await cluster.startAdmin({ token: 'secret' });
    const locked = await openPage(browser, admin.url);
    const dialog = locked.page.getByRole('dialog', { name: 'Token' });
    await dialog.getByLabel('Token').fill('wrong');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.waitFor({ state: 'visible' });
    await dialog.getByLabel('Token').fill('secret');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await locked.page.locator('.lane').first().waitFor();
    await locked.page.reload();
    await locked.page.locator('.lane').first().waitFor();
    await locked.page.close();
  });

  it('tells when the cluster is gone', async () => {
    await cluster.stop();
    await page.locator('#link[data-state=down]').waitFor();
    await said('The connection to the cluster was lost');
    opened.complaints.splice(0);
  });
});
