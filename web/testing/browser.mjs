// What the browser tests and the pictures share: the browser, a page that is watched, the server, the pages.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { ADMIN, startFake } from './fake_api.mjs';
import { startReal } from './real.mjs';

export { ADMIN };
// This file runs in build/web/work/testing.
export const work = dirname(dirname(fileURLToPath(import.meta.url)));
export const root = dirname(dirname(dirname(work)));
export const built = process.env.RUSHLIGHT_CONSOLE ?? join(root, 'build/web/console');

// RUSHLIGHT_CHROMIUM names another than Debian's. Root has no use of Chromium's own sandbox: only our own pages are opened.
export function launch() {
  const executablePath = [process.env.RUSHLIGHT_CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no browser: install chromium-headless-shell, or name one in RUSHLIGHT_CHROMIUM');
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

// The stand-in; or with RUSHLIGHT_PROGRAM that program, started for each; or with RUSHLIGHT_URL (and RUSHLIGHT_SETUP_URL while
// nobody is set up) a server that runs.
const program = process.env.RUSHLIGHT_PROGRAM;
const running = process.env.RUSHLIGHT_URL?.replace(/\/$/, '');
export const real = program || running;
export const fresh = !running || process.env.RUSHLIGHT_SETUP_URL; // nobody is set up yet
export async function server(options) {
  if (running) return { url: running, setupUrl: process.env.RUSHLIGHT_SETUP_URL, close: async () => undefined };
  if (program) return startReal({ program, root, ...options });
  return startFake({ root: built, ...options });
}

// A page of its own that notes what must not happen: an error in its console, a request to anywhere else, an inline style
// or script that the policy refused (which Chromium reports as an error).
export async function watched(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(real ? 20_000 : 5_000); // a password is hashed slowly on purpose
  const wrong = [];
  const expected = [];
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = `${message.text()} ${message.location().url}`;
    // The browser itself reports each answer of 400 and above; those that a test provokes are its own business.
    if (/Failed to load resource.*status of (401|404)/.test(text) && /\/(session|setup) *$/.test(message.location().url)) return;
    if (expected.some((pattern) => pattern.test(text))) return;
    wrong.push(text);
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== new URL(url).origin && !['data:', 'blob:'].includes(asked.protocol)) wrong.push(`a request to ${asked.origin}`);
    if (asked.protocol === 'data:') wrong.push('a data: URL');
  });
  return { page, context, wrong, expected };
}

// Everything that was asked for is there: the heading, and nothing is waited for any more.
export async function ready(page) {
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('main .wait, .boot') && !document.querySelector('dialog[open] .wait'));
}

export async function signIn(page, url, { email, password } = ADMIN) {
  await page.goto(`${url}/sign-in`);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.keyboard.press('Enter');
  await page.locator('nav').first().waitFor({ state: 'attached' });
}

// Name, path (with ids as the server gave them), and what else has to be seen.
export const PAGES = [
  { name: 'overview', path: '/', seen: 'figure svg' },
  { name: 'check', path: '/check' },
  { name: 'check-hashes', path: '/check?tab=hashes' },
  { name: 'check-links', path: '/check?tab=links' },
  { name: 'scans', path: '/scans' },
  { name: 'scan', path: '/scans/SCAN', seen: 'tbody tr' },
  { name: 'scans-new', path: '/scans?new=1', seen: 'dialog[open] textarea' },
  { name: 'lists', path: '/lists', seen: 'tbody tr' },
  { name: 'lists-new', path: '/lists?new=list', seen: 'dialog[open] form' },
  { name: 'list', path: '/lists/national-hotline', seen: 'tbody tr' },
  { name: 'list-import', path: '/lists/national-hotline?tab=import' },
  { name: 'list-history', path: '/lists/national-hotline?tab=history' },
  { name: 'list-settings', path: '/lists/national-hotline?tab=settings', seen: 'main form' },
  { name: 'policy', path: '/policy', seen: 'tbody tr' },
  { name: 'policy-versions', path: '/policy?tab=versions' },
  { name: 'holding', path: '/holding' },
  { name: 'webhooks', path: '/webhooks' },
  { name: 'webhooks-new', path: '/webhooks?new=1', seen: 'dialog[open] form' },
  { name: 'webhooks-attempts', path: '/webhooks?attempts=HOOK', seen: 'dialog[open] tbody tr' },
  { name: 'dead-letters', path: '/webhooks?tab=dead' },
  { name: 'audit', path: '/audit', seen: 'tbody tr' },
  { name: 'people', path: '/people', seen: 'tbody tr' },
  { name: 'people-new', path: '/people?new=1', seen: 'dialog[open] form' },
  { name: 'keys', path: '/people?tab=keys' },
  { name: 'keys-new', path: '/people?tab=keys&new=1', seen: 'dialog[open] form' },
  { name: 'health', path: '/health', seen: '.checks li' },
  { name: 'settings', path: '/settings', seen: 'main form' },
  { name: 'account', path: '/settings?tab=me', seen: 'tbody tr' },
  { name: 'nothing', path: '/nothing/here' },
].filter(({ path }) => !running || !/SCAN|HOOK/.test(path));
export const at = (site, one) => ({ ...one, path: one.path.replace('SCAN', site.scan).replace('HOOK', site.hook) });

// Goes to a page without loading the console anew, as a link does.
export async function visit(page, { path, seen }) {
  await page.evaluate((to) => {
    const link = document.createElement('a');
    link.href = to;
    document.body.append(link);
    link.click();
    link.remove();
  }, path);
  await page.waitForFunction((to) => location.pathname + location.search === to, path);
  await ready(page);
  if (seen) await page.locator(seen).first().waitFor();
}
