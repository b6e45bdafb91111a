import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import type { MockBroker, MockCluster, MockNameServer } from '../../mock-broker/index.js';
import * as browserPage from './browser.js';
import { launch } from './browser.js';
import { openConsole, type OpenConsole } from './open-console.js';

/** The controls of the console for what a cluster is made of: brokers, their replicas, name servers. */
describe('the console, of brokers and name servers', () => {
  let browser: Browser;
  let cluster: MockCluster;
  let page: Page;
  let opened: OpenConsole;

  before(async () => {
    browser = await launch();
  });

  after(async () => browser?.close());

  beforeEach(async () => {
    opened = await openConsole(browser, {
      brokers: [{ name: 'broker-a', replicas: 1 }, { name: 'broker-b' }],
      nameServers: 2,
    });
    ({ cluster, page } = opened);
  });

  afterEach(() => opened.close());

  const section = (name: string) => browserPage.section(page, name);
  const said = (text: string | RegExp) => browserPage.said(page, text);
  const card = (name: string) => section('Brokers').locator('.broker', { hasText: name });
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const names = (): string[] => cluster.brokers.map(({ name }) => name);

  it('adds brokers, and removes them when that was asked for twice', async () => {
    const form = section('Brokers');
    await form.getByLabel('Replicas', { exact: true }).fill('2');
    await press('Add broker');
    await said('broker-c was added');
    expect(cluster.broker('broker-c').replicas.map(({ running }) => running)).to.deep.equal([true, true]);
    await card('broker-c').locator('.replica').nth(1).waitFor();
    await form.getByLabel('New broker').fill('another');
    await form.getByLabel('Replicas', { exact: true }).fill('0');
    await press('Add broker');
    await said('another was added');
    expect(names()).to.deep.equal(['broker-a', 'broker-b', 'broker-c', 'another']);
    expect(await form.getByLabel('New broker').inputValue()).to.equal('');

    await press('Remove broker-c');
    await press('Remove broker-c for good, with all it has');
    await said('broker-c was removed');
    expect(names()).to.deep.equal(['broker-a', 'broker-b', 'another']);
    await card('broker-c').waitFor({ state: 'detached' });
    const remove = page.getByRole('button', { name: 'Remove another', exact: true });
    for (const key of ['Escape', 'Tab']) {
      await remove.press('Enter');
      await page.getByRole('button', { name: 'Remove another for good, with all it has' }).press(key);
      await remove.waitFor();
    }
    expect(names()).to.deep.equal(['broker-a', 'broker-b', 'another']);
  });

  it('brings a broker up with what it had, or without, and elsewhere', async () => {
    const broker = cluster.broker('broker-b');
    const queue = { topic: 'Orders', brokerName: 'broker-b', queueId: 0 };
    const restart = async (how: string): Promise<void> => {
      await section('Brokers').getByLabel('How broker-b comes up').selectOption(how);
      // What is said is the same each time.
      const answered = page.waitForResponse((response) => response.url().endsWith('/broker-b/restart'));
      await card('broker-b').getByRole('button', { name: 'Restart' }).click();
      expect((await answered).status()).to.equal(200);
      await said('broker-b was restarted');
      expect(broker.running).to.equal(true);
    };
    cluster.produce('Orders', { body: 'a', brokerName: 'broker-b', queueId: 0 });
    broker.stealLock('billing', queue, 'c1');
    const { address } = broker;
    await restart('with its locks, too');
    expect([cluster.locks('billing').length, cluster.messages('Orders').length, broker.address]).to.deep.equal([1, 1, address]); // prettier-ignore
    await restart('with its data');
    expect([cluster.locks('billing').length, cluster.messages('Orders').length]).to.deep.equal([0, 1]);
    await restart('at another port');
    expect(broker.address).not.to.equal(address);
    await card('broker-b').locator('.address', { hasText: broker.address }).waitFor();
    await section('Brokers').getByLabel('How broker-b comes up').selectOption('without its data');
    await press('Stop broker-b');
    await said('broker-b was stopped');
    await press('Start broker-b');
    await said('broker-b was started');
    expect(cluster.messages('Orders')).to.deep.equal([]);
  });

  it('takes a broker out of routes and puts it in again', async () => {
    const routes = page.getByRole('button', { name: 'broker-b in routes' });
    await routes.click();
    await said('broker-b is in no route now');
    expect([cluster.broker('broker-b').running, cluster.broker('broker-b').registered]).to.deep.equal([true, false]);
    await card('broker-b').getByText('up, in no route').waitFor();
    await routes.and(page.locator('[aria-pressed=false]')).click();
    await said('broker-b is in routes again');
    expect(cluster.broker('broker-b').registered).to.equal(true);
    cluster.broker('broker-b').setBrokerId(1);
    await card('broker-b').getByText('up, in routes as 1').waitFor();
  });

  it('stops replicas, and holds up what comes to them', async () => {
    const [replica] = cluster.broker('broker-a').replicas as [MockBroker];
    const row = card('broker-a').locator('.replica');
    const state = (text: string) => row.locator('.state').getByText(text, { exact: true }).waitFor();
    const produce = () => cluster.produce('Orders', { body: 'a', brokerName: 'broker-a', queueId: 0 });
    await state('up, up to date');
    await press('Pause the replication of broker-a/1');
    await said('broker-a/1 hears of nothing from now on');
    produce();
    await state('up, paused, 1 change behind');
    expect(replica.replicationBehind).to.equal(1);
    await press('Resume the replication of broker-a/1');
    await said('broker-a/1 was given what it missed');
    await state('up, up to date');
    expect(replica.replicationBehind).to.equal(0);

    await page.getByLabel('Lag of broker-a/1 in milliseconds').fill('500');
    await press('Set the lag of broker-a/1');
    await said('broker-a/1 is 500 ms behind from now on');
    produce();
    expect(replica.replicationBehind).to.equal(1);
    cluster.clock.advance(500);
    expect(replica.replicationBehind).to.equal(0);

    await press('Stop broker-a/1');
    await said('broker-a/1 was stopped');
    await state('down, up to date');
    expect([replica.running, cluster.broker('broker-a').running]).to.deep.equal([false, true]);
    await press('Start broker-a/1');
    await said('broker-a/1 was started');
    expect(replica.running).to.equal(true);
    expect(await page.getByLabel('Lag of broker-a/1 in milliseconds').inputValue()).to.equal('500');
  });

  it('stops name servers, and has them say what they said', async () => {
    const [first, second] = cluster.nameServers as [MockNameServer, MockNameServer];
    const row = section('Name servers').locator('.broker').nth(1);
    const state = (text: string) => row.locator('.state').getByText(text, { exact: true }).waitFor();
    await press('Stop name server 2');
    await said('name server 2 was stopped');
    await state('down');
    expect([first.running, second.running]).to.deep.equal([true, false]);
    await press('Start name server 2');
    await said('name server 2 was started');
    await state('up');
    expect(second.running).to.equal(true);
    await press('Freeze name server 2');
    await said('name server 2 goes on saying what it says now');
    await state('up, frozen');
    cluster.updateTopic('Orders', { queues: 4 });
    expect([first, second].map((server) => server.route('Orders')?.queueDatas[0]?.readQueueNums)).to.deep.equal([4, 2]);
    await press('Thaw name server 2');
    await said('name server 2 says how things are');
    expect(second.route('Orders')?.queueDatas[0]?.readQueueNums).to.equal(4);
  });

  it('has one name server say something else of a topic', async () => {
    const [first, second] = cluster.nameServers as [MockNameServer, MockNameServer];
    const row = section('Name servers').locator('.broker').nth(1);
    cluster.createTopic('Payments', { queues: 1, brokers: ['broker-b'] });
    await row.getByText('Routes', { exact: true }).click();
    await row.getByText('Orders: broker-a 2 queues; broker-b 2 queues').waitFor();
    await row.getByLabel('Topic').selectOption('Payments');
    await row.getByText('Payments: broker-b 1 queue').waitFor();
    await row.getByLabel('Topic').selectOption('Orders');
    /** Has it say so, and waits for what it says then. */
    const apply = async (wanted: string, shown: string): Promise<void> => {
      await row.getByLabel('Says').selectOption(wanted);
      if (wanted === 'so many queues') await row.getByLabel('Queues').fill('7');
      else expect(await row.getByLabel('Queues').isVisible()).to.equal(false);
      await row.getByRole('button', { name: 'Have name server 2 say so' }).click();
      await row.getByText(`Orders: ${shown}`, { exact: true }).waitFor();
    };
    const told = (server: MockNameServer): [string, number][] | undefined =>
      server.route('Orders')?.queueDatas.map(({ brokerName, readQueueNums }) => [brokerName, readQueueNums]);
    await apply('without broker-a', 'broker-b 2 queues');
    expect(told(second)).to.deep.equal([['broker-b', 2]]);
    expect(second.route('Orders')?.brokerDatas.map(({ brokerName }) => brokerName)).to.deep.equal(['broker-b']);
    await row.getByText('another view of 1 topic').waitFor();
    await apply('so many queues', 'broker-b 7 queues');
    expect(told(second)).to.deep.equal([['broker-b', 7]]);
    await apply('no such topic', 'no such topic');
    expect(told(second)).to.equal(undefined);
    await apply('how it is', 'broker-a 2 queues; broker-b 2 queues');
    await apply('no such topic', 'no such topic');
    await row.getByRole('button', { name: 'Have name server 2 say of Orders how it is' }).click();
    await said('name server 2 says of Orders how it is');
    await row.getByText('Orders: broker-a 2 queues; broker-b 2 queues').waitFor();
    expect(second.overrides).to.deep.equal([]);
    expect(told(first)).to.deep.equal([['broker-a', 2], ['broker-b', 2]]); // prettier-ignore
  });
});
