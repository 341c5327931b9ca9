// The console in a made-up language, and from right to left: every word comes from the catalogue, and nothing breaks when
// words are longer or the page is mirrored.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN, at, launch, PAGES, ready, server, visit, watched } from './browser.mjs';

let browser, site;
beforeAll(async () => {
  browser = await launch();
  site = await server();
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

// Letters that are shown outside the catalogue's brackets: words that somebody wrote into a page. What is not ours to
// translate says so (translate="no"); dates and sizes come from Intl.
const bareWords = (page) =>
  page.evaluate(() => {
    const found = [];
    const ours = (text) => {
      let depth = 0;
      let outside = '';
      for (const letter of text) {
        if (letter === '⟦') ++depth;
        else if (letter === '⟧') --depth;
        else if (!depth) outside += letter;
      }
      return outside;
    };
    const skip = (element) => element.closest('[translate=no], time, script, style, noscript');
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    // A message may hold data in elements of its own; the brackets then open in one text and close in another, so each
    // element's texts are read together.
    const seen = new Set();
    while (walk.nextNode()) {
      const parent = walk.currentNode.parentElement;
      if (!parent || seen.has(parent) || skip(parent)) continue;
      seen.add(parent);
      const text = [...parent.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('');
      const outside = ours(text).replace(/[\d.,:–·×%°()\s/-]+/g, ' ').trim();
      // Units and dates by Intl.
      if (/[A-Za-z]{2,}/.test(outside.replace(/\b(bytes?|kB|MB|GB|TB|ms|AM|PM|ago|in|just|now|never|yesterday|seconds?|minutes?|hours?|days?|weeks?|months?|years?|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|last|next)\b/g, ''))) found.push(text.trim());
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]')) {
      if (skip(element) || element.tagName === 'TIME') continue;
      for (const name of ['aria-label', 'placeholder', 'title']) {
        const text = element.getAttribute(name);
        if (text && /[A-Za-z]{3,}/.test(ours(text)) && !/^https:\/\/$/.test(text) && !element.closest('.strip') && !text.includes('@')) found.push(`${name}: ${text}`);
      }
    }
    return found;
  });
const sticksOut = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function open(words, width) {
  const tab = await watched(browser, site.url, { viewport: { width, height: 800 } });
  await tab.page.goto(`${site.url}/sign-in?words=${words}`);
  await ready(tab.page);
  expect(await bareWords(tab.page)).toEqual([]);
  await tab.page.goto(`${site.url}/reset?words=${words}#token`);
  await ready(tab.page);
  expect(await bareWords(tab.page)).toEqual([]);
  await tab.page.goto(`${site.url}/sign-in?words=${words}`);
  await ready(tab.page);
  await tab.page.locator('#email').fill(ADMIN.email);
  await tab.page.locator('#password').fill(ADMIN.password);
  await tab.page.keyboard.press('Enter');
  await tab.page.locator('nav').first().waitFor({ state: 'attached' });
  return tab;
}

test.each([['pseudo', 1440], ['pseudo', 360], ['pseudo-rtl', 1440], ['pseudo-rtl', 360]])('%s at %i px', async (words, width) => {
  const tab = await open(words, width);
  expect(await tab.page.evaluate(() => document.documentElement.dir)).toBe(words === 'pseudo' ? 'ltr' : 'rtl');
  for (const one of PAGES) {
    await visit(tab.page, at(site, one));
    expect(await bareWords(tab.page), one.name).toEqual([]);
    expect(await sticksOut(tab.page), `${one.name}: pixels that stick out`).toBeLessThanOrEqual(0);
    expect(await tab.page.title()).toMatch(/⟦/);
  }
  expect(tab.wrong).toEqual([]);
  await tab.context.close();
});

test('the rail is at the side where reading begins', async () => {
  const tab = await open('pseudo-rtl', 1440);
  const box = await tab.page.locator('aside').boundingBox();
  expect(box.x + box.width).toBeGreaterThan(1400);
  await tab.context.close();
});
