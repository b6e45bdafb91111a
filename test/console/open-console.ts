import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { MockClock, MockCluster, type MockClusterOptions } from '../../mock-broker/index.js';
import { openPage } from './browser.js';

/** A cluster on a clock that stands still, with topic Orders and group billing, and its console, ready. */
export interface OpenConsole {
  readonly cluster: MockCluster;
  readonly page: Page;
  /** What the page has complained about. A test takes out what it provokes. */
  readonly complaints: string[];
  /** Closes both. @throws AssertionError when complaints are left */
  close(): Promise<void>;
}

export async function openConsole(browser: Browser, options: MockClusterOptions): Promise<OpenConsole> {
  const cluster = await MockCluster.start({
    clock: MockClock.manual(1_700_000_000_000),
    topics: { Orders: { queues: 2 } },
    groups: { billing: {} },
    http: true,
    ...options,
  });
  const { page, complaints } = await openPage(browser, cluster.admins[0]?.url ?? '');
  await page.locator('#link[data-state=up]').waitFor();
  await page.locator('.lane').first().waitFor();
  return {
    cluster,
    page,
    complaints,
    close: async () => {
      const found = [...complaints];
      await page.close();
      await cluster.stop();
      expect(found).to.deep.equal([]);
    },
  };
}
