import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { MockClock, MockCluster } from '../../mock-broker/index.js';
import { launch, openPage, type OpenPage } from './browser.js';

/** The console for everybody: by keyboard alone, on a narrow screen, in light and dark. */
describe('the console, for everybody', () => {
  let browser: Browser;
  let cluster: MockCluster;
  let opened: OpenPage | undefined;

  before(async () => {
    browser = await launch();
    cluster = await MockCluster.start({
      clock: MockClock.manual(),
      brokers: [{ name: 'broker-a', replicas: 1 }],
      nameServers: 2,
      topics: { Orders: { queues: 8 } },
      groups: { billing: {} },
      http: true,
    });
    cluster.nameServers[0]?.override('a-topic-with-a-long-name'.repeat(5), undefined);
    for (let count = 0; count < 200; count++)
      cluster.produce('Orders', { body: 'x'.repeat(500), shardingKey: `o-${count}` });
    cluster.faults.add({ code: ['SEND_MESSAGE_V2', 'LOCK_BATCH_MQ'], group: 'a-group-with-a-long-name'.repeat(4), action: { type: 'drop' } }); // prettier-ignore
    const client = 'client-with-a-very-long-id@4711#1234567890123';
    cluster.broker('broker-a').stealLock('billing', { topic: 'Orders', brokerName: 'broker-a', queueId: 0 }, client);
    cluster.setOffset('billing', { topic: 'Orders', brokerName: 'broker-a', queueId: 0 }, 3);
  });

  after(async () => {
    await browser?.close();
    await cluster?.stop();
  });

  afterEach(async () => {
    const complaints = opened?.complaints ?? [];
    await opened?.page.close();
    opened = undefined;
    expect(complaints).to.deep.equal([]);
  });

  async function open(options: Parameters<typeof openPage>[2] = {}): Promise<Page> {
    opened = await openPage(browser, cluster.admins[0]?.url ?? '', options);
    await opened.page.locator('.lane').first().waitFor();
    await opened.page.locator('.faults .switch').first().waitFor();
    // Not by a click, which would say where the keyboard begins.
    await opened.page.evaluate(`document.querySelector('#name-servers details').open = true`);
    await opened.page.locator('#name-servers .says', { hasText: 'Orders' }).waitFor();
    return opened.page;
  }

  for (const width of [360, 768, 1100]) {
    it(`fits into ${width} pixels without scrolling sideways`, async () => {
      const page = await open({ width, height: 800 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(width);
      await page.getByRole('button', { name: 'Messages of broker-a · 0' }).click();
      await page.getByRole('dialog').locator('li').first().waitFor();
      const box = await page.getByRole('dialog').boundingBox();
      expect(box?.width).to.be.at.most(width);
    });
  }

  it('is reached and used by keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).to.equal('skip');
    const passed: string[] = [];
    /** Goes on with the tabulator key until something of that name is reached, in order. */
    const tabTo = async (name: string): Promise<void> => {
      for (let steps = 0; steps < 120; steps++) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate<{ name: string; outline: string }>(`(() => {
          const element = document.activeElement;
          const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
          return { name: label.trim(), outline: getComputedStyle(element).outlineStyle };
        })()`);
        passed.push(focused.name);
        expect(focused.outline, `${focused.name} shows that it has the focus`).not.to.equal('none');
        if (focused.name === name) return;
      }
      throw new Error(`${name} was not reached by keyboard: ${passed.join(', ')}`);
    };
    await tabTo('Move the time ahead by 10 s');
    const before = cluster.clock.now();
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'moved ahead' }).waitFor();
    expect(cluster.clock.now() - before).to.equal(10_000);
    await tabTo('Messages of broker-a · 0');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').locator('li').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await tabTo('Stop broker-a');
    await page.keyboard.press('Space');
    await page.getByRole('status').filter({ hasText: 'broker-a was stopped' }).waitFor();
    await page.getByRole('button', { name: 'Start broker-a' }).waitFor();
    await page.keyboard.press('Space');
    await page.getByRole('status').filter({ hasText: 'broker-a was started' }).waitFor();
    await tabTo('Pause the replication of broker-a/1');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'broker-a/1 hears of nothing' }).waitFor();
    await tabTo('Lag of broker-a/1 in milliseconds');
    await page.keyboard.type('7');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'behind from now on' }).waitFor();
    await tabTo('New broker');
    await tabTo('Freeze name server 1');
    await page.keyboard.press('Space');
    await page.getByRole('status').filter({ hasText: 'name server 1 goes on saying' }).waitFor();
    await tabTo('Have name server 1 say so');
    await tabTo('Routes of name server 2');
    await page.keyboard.press('Enter');
    await tabTo('Have name server 2 say so');
    await tabTo('What happens');
    await tabTo('Send');
    expect(await page.evaluate('document.activeElement.type')).to.equal('submit');
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: '1 message sent' }).waitFor();
  });

  it('names every control, and keeps its headings in order', async () => {
    const page = await open();
    const nameless = await page.evaluate<string[]>(`[...document.querySelectorAll('button, input, select, textarea')]
      .filter((control) => !control.closest('[hidden]'))
      .filter((control) => !control.getAttribute('aria-label') && !control.labels?.length && !control.textContent.trim())
      .map((control) => control.outerHTML)`);
    expect(nameless).to.deep.equal([]);
    const levels = await page.evaluate<string[]>(
      `[...document.querySelectorAll('h1, h2, h3')].map((heading) => heading.tagName)`,
    );
    expect(levels[0]).to.equal('H1');
    expect(levels.slice(1).every((level) => level === 'H2')).to.equal(true);
    expect(await page.evaluate('document.documentElement.lang')).to.equal('en');
  });

  it('is light or dark as the system is, or as is chosen, and readable in both', async () => {
    const background = (page: Page) => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const page = await open({ colorScheme: 'dark' });
    const dark = await background(page);
    expect(await lowestContrast(page)).to.be.at.least(4.5);
    await page.getByRole('button', { name: 'Theme: auto' }).click();
    const light = await background(page);
    expect(light).not.to.equal(dark);
    expect(await lowestContrast(page)).to.be.at.least(4.5);
    await page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await background(page)).to.equal(dark);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: dark' }).click();
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await background(page)).to.equal(light);
  });
});

/** The lowest contrast of a text with what it stands on, by the formula of WCAG 2. */
function lowestContrast(page: Page): Promise<number> {
  return page.evaluate<number>(`(() => {
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((part) => { const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const backgroundOf = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = parse(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    let lowest = 21;
    for (const element of document.querySelectorAll('main *, header *')) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
      if (!hasText || element.closest('svg, [hidden], :disabled') || !element.checkVisibility()) continue;
      const [a, b] = [light(parse(getComputedStyle(element).color)), light(backgroundOf(element))];
      lowest = Math.min(lowest, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return lowest;
  })()`);
}
