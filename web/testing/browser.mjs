// What the browser tests and the pictures share: the browser, the pages, signing in.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

// RUSHLIGHT_CHROMIUM names another than Debian's. Root has no use of Chromium's own sandbox: only our own pages are opened.
export function launch() {
  const executablePath = [process.env.RUSHLIGHT_CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no browser: install chromium-headless-shell, or name one in RUSHLIGHT_CHROMIUM');
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

export async function signIn(page, url, { email, password }) {
  await page.goto(`${url}/sign-in`);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.keyboard.press('Enter');
  await page.getByRole('navigation').first().waitFor({ state: 'attached' });
}

const text = (words) => (page) => page.getByText(words, { exact: false }).locator('visible=true').first().waitFor();
const heading = (page) => page.locator('h1').waitFor();
// Name, path, and how to know that it is there; the third member works against any server with some data.
export const PAGES = [
  ['overview', '/', (page) => page.locator('figure svg').waitFor()],
  ['check', '/check', (page) => page.locator('.drop').waitFor()],
  ['check-hashes', '/check?tab=hashes', (page) => page.locator('textarea').waitFor()],
  ['check-links', '/check?tab=links', (page) => page.locator('textarea').waitFor()],
  ['scans', '/scans', heading],
  ['scan', '/scans/scan_1', text('IMG_1001')],
  ['scans-new', '/scans?new=1', (page) => page.locator('dialog[open] textarea').waitFor()],
  ['lists', '/lists', text('national-hotline')],
  ['list', '/lists/national-hotline', (page) => page.locator('tbody tr').first().waitFor()],
  ['list-import', '/lists/national-hotline?tab=import', (page) => page.locator('.drop').waitFor()],
  ['list-settings', '/lists/national-hotline?tab=settings', (page) => page.locator('main form').waitFor()],
  ['policy', '/policy', (page) => page.locator('tbody tr').first().waitFor()],
  ['holding', '/holding', (page) => page.locator('tbody tr').first().waitFor()],
  ['webhooks', '/webhooks', (page) => page.locator('tbody tr').first().waitFor()],
  ['dead-letters', '/webhooks?tab=dead', (page) => page.locator('tbody tr').first().waitFor()],
  ['audit', '/audit', (page) => page.locator('tbody tr').first().waitFor()],
  ['people', '/people', (page) => page.locator('tbody tr').first().waitFor()],
  ['keys', '/people?tab=keys', (page) => page.locator('tbody tr').first().waitFor()],
  ['keys-new', '/people?tab=keys&new=1', (page) => page.locator('dialog[open] form').waitFor()],
  ['health', '/health', (page) => page.locator('.checks li').first().waitFor()],
  ['settings', '/settings', (page) => page.locator('main form').waitFor()],
  ['account', '/settings?tab=me', (page) => page.locator('tbody tr').first().waitFor()],
  ['nothing', '/nothing/here', heading],
];
