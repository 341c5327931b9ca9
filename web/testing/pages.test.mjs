// Every page, in both themes, at 360 and 1,440 px: axe finds nothing, nothing sticks out, nothing goes wrong in the
// console, nothing is asked of another origin. And what is fetched, and how soon a page is there.
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, launch, PAGES, ready, server, signIn, visit, watched } from './browser.mjs';

let browser, site;
beforeAll(async () => {
  browser = await launch();
  site = await server();
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

// The dark theme has the same document in other colours: there only what colours can break is looked at.
const axe = async (page, only = null) => {
  // Rows of a table are alike: a few of them stand for all, or axe would take most of the time.
  const builder = new AxeBuilder({ page }).exclude('tbody tr:nth-child(n+7)');
  const { violations } = await (only ? builder.withRules(only) : builder.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? node.failureSummary}`).join(' | ')}`);
};
const sticksOut = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1440, 360]) {
    describe(`${colorScheme}, ${width} px`, () => {
      let tab;
      beforeAll(async () => {
        tab = await watched(browser, site.url, { colorScheme, viewport: { width, height: 800 } });
      });
      afterAll(() => tab?.context.close());

      test('sign-in', async () => {
        await tab.page.goto(`${site.url}/sign-in`);
        await ready(tab.page);
        expect(await axe(tab.page)).toEqual([]);
        await tab.page.goto(`${site.url}/reset#token`); // a new password by a link
        await ready(tab.page);
        expect(await axe(tab.page)).toEqual([]);
        expect(await sticksOut(tab.page), 'pixels that stick out').toBeLessThanOrEqual(0);
        await signIn(tab.page, site.url);
        expect(tab.wrong).toEqual([]);
      });
      test.each(PAGES)('$name', async (one) => {
        await visit(tab.page, at(site, one));
        expect(await axe(tab.page, colorScheme === 'dark' ? ['color-contrast', 'link-in-text-block', 'target-size'] : null)).toEqual([]);
        expect(await sticksOut(tab.page), 'pixels that stick out').toBeLessThanOrEqual(0);
        expect(tab.wrong).toEqual([]);
      });
    });
  }
}

if (!process.env.RUSHLIGHT_URL) {
  test.each([['light', 1440], ['light', 360], ['dark', 1440], ['dark', 360]])('set-up, and what is there right after it: %s, %i px', async (colorScheme, width) => {
    const fresh = await server({ setUp: false });
    const set = await watched(browser, fresh.url, { colorScheme, viewport: { width, height: 800 } });
    await set.page.goto(fresh.setupUrl);
    await ready(set.page);
    expect(await axe(set.page)).toEqual([]);
    expect(await sticksOut(set.page)).toBeLessThanOrEqual(0);
    expect(set.wrong).toEqual([]);
    await set.context.close();
    await fresh.close();

    const bare = await server({ data: false });
    const tab = await watched(browser, bare.url, { colorScheme, viewport: { width, height: 800 } });
    await signIn(tab.page, bare.url);
    for (const path of ['/', '/check', '/people?tab=keys']) {
      await visit(tab.page, { path });
      if (path === '/') await tab.page.getByRole('heading', { name: 'First steps' }).waitFor();
      expect(await axe(tab.page, colorScheme === 'dark' ? ['color-contrast', 'link-in-text-block', 'target-size'] : null)).toEqual([]);
      expect(await sticksOut(tab.page), path).toBeLessThanOrEqual(0);
    }
    expect(tab.wrong).toEqual([]);
    await tab.context.close();
    await bare.close();
  });
}

test('forced colours, 200 % zoom and large text lose nothing', async () => {
  const tab = await watched(browser, site.url, { forcedColors: 'active', viewport: { width: 720, height: 450 } }); // 1,440 at 200 %
  await signIn(tab.page, site.url);
  for (const one of PAGES.filter(({ name }) => ['overview', 'check', 'list', 'policy', 'keys-new'].includes(name))) {
    await visit(tab.page, at(site, one));
    expect(await sticksOut(tab.page), one.name).toBeLessThanOrEqual(0);
    expect(await axe(tab.page)).toEqual([]);
  }
  await tab.page.addStyleTag({ content: '' }).catch(() => undefined); // the policy refuses inline styles
  expect(tab.wrong.filter((text) => !/Content Security Policy/.test(text))).toEqual([]);
  await tab.context.close();
});

// What a first visit costs, as it comes over the wire.
async function weigh(path, signedIn) {
  const tab = await watched(browser, site.url);
  if (signedIn) {
    await signIn(tab.page, site.url);
    await tab.page.goto('about:blank');
  }
  const client = await tab.context.newCDPSession(tab.page);
  await client.send('Network.enable');
  await client.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0;
  let requests = 0;
  client.on('Network.loadingFinished', (event) => {
    bytes += event.encodedDataLength;
    ++requests;
  });
  await tab.page.goto(site.url + path);
  await ready(tab.page);
  await tab.page.waitForTimeout(300);
  await tab.context.close();
  return { bytes, requests };
}
test('a first visit weighs at most 200 KB, fonts and all', async () => {
  const signing = await weigh('/sign-in', false);
  const overview = await weigh('/', true);
  console.log(`first load: sign-in ${signing.bytes} bytes in ${signing.requests} requests; overview ${overview.bytes} in ${overview.requests}`);
  expect(signing.bytes).toBeGreaterThan(20_000);
  expect(signing.bytes).toBeLessThanOrEqual(200_000);
  expect(overview.bytes).toBeLessThanOrEqual(200_000);
});

test('any page is there within 300 ms', async () => {
  const tab = await watched(browser, site.url);
  await signIn(tab.page, site.url);
  const slow = [];
  let worst = 0;
  for (const one of PAGES.filter(({ path }) => !path.includes('?'))) {
    // The best of several: what else the machine does is not the page's doing.
    let best = Infinity;
    for (let i = 0; i < 12 && best >= 300; ++i) {
      await tab.page.goto(site.url + at(site, one).path);
      await ready(tab.page);
      if (one.seen) await tab.page.locator(one.seen).first().waitFor();
      best = Math.min(best, await tab.page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => resolve(performance.now())))));
      // What the browser took for its own start of the navigation counts too: performance.now() begins with it.
    }
    worst = Math.max(worst, best);
    if (best >= 300) slow.push(`${one.name}: ${Math.round(best)} ms`);
  }
  console.log(`slowest page: ${Math.round(worst)} ms`);
  expect(slow).toEqual([]);
  await tab.context.close();
});
