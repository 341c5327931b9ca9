// The main ways through the console, as a person walks them: set-up, first list, first key, first check, and what comes
// after. Runs against the stand-in, or against a real server (RUSHLIGHT_PROGRAM, or RUSHLIGHT_URL). In order: each step builds on
// the one before.
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { signedBy } from './real.mjs';
import { ADMIN, fresh, launch, ready, real, root, server, signIn, visit, watched } from './browser.mjs';

const photos = join(root, 'practice/set/photos');
const picture = readFileSync(join(photos, readdirSync(photos).sort().find((name) => name.endsWith('.jpg'))));
const sha256 = createHash('sha256').update(picture).digest('hex');

// What needs the stand-in's hands, a real server, or one that these tests have started: elsewhere there is no such test.
const none = () => undefined;
const standIn = real ? none : test;
const realOnly = real ? test : none;
const ours = process.env.RUSHLIGHT_PROGRAM ? test : none;
let browser, site, tab, page;
beforeAll(async () => {
  browser = await launch();
  site = await server({ setUp: false });
  tab = await watched(browser, site.url);
  page = tab.page;
});
afterEach(() => {
  expect(tab.wrong).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

// Tab until it has the focus; whoever sees the page must see where it is.
async function tabTo(target) {
  for (let i = 0; i < 120; ++i) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      const ring = await target.evaluate((element) => [element, element.parentElement].some((one) => one && getComputedStyle(one).outlineStyle !== 'none'));
      expect(ring, 'the focus is seen').toBe(true);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not reach ${target}`);
}
async function typeInto(label, text, scope = page) {
  const field = scope.getByLabel(label, { exact: true });
  await tabTo(field);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(text);
}
async function press(name, scope = page) {
  await tabTo(scope.getByRole('button', { name, exact: true }));
  await page.keyboard.press('Enter');
}
const toast = (text) => page.locator('.toasts').getByText(text).last().waitFor();

(fresh ? test : none)('the first administrator sets it up by keyboard alone', async () => {
  await page.goto(`${site.url}/`);
  await page.getByText('This page needs the one-time link.').waitFor();
  await page.goto(site.setupUrl);
  await page.getByRole('heading', { name: 'Who runs it' }).waitFor();
  await typeInto('E-mail address', ADMIN.email);
  await typeInto('Password', 'too short');
  await press('Finish set-up');
  await page.getByText('Use at least 12 characters.').waitFor();
  await page.getByText('Tick this box to go on.').waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('password'); // at the first mistake
  await typeInto('Password', ADMIN.password);
  await typeInto('Password again', ADMIN.password);
  await tabTo(page.getByRole('radio', { name: 'Platform' }));
  await page.keyboard.press('ArrowDown');
  expect(await page.getByRole('radio', { name: 'Hotline' }).isChecked()).toBe(true);
  await page.keyboard.press('ArrowUp');
  await tabTo(page.getByRole('checkbox', { name: /I know where the key file is/ }));
  await page.keyboard.press('Space');
  await press('Finish set-up');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  expect(new URL(page.url()).pathname).toBe('/');
  expect(page.url()).not.toContain('#'); // the token is gone from the address
});

test('a person signs out and in again; a wrong password says so and keeps the address', async () => {
  if (!fresh) await signIn(page, site.url);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.locator('#email').fill(ADMIN.email);
  await page.locator('#password').fill('not this one');
  await page.keyboard.press('Enter');
  await page.getByText('E-mail address or password is wrong.').waitFor();
  expect(await page.locator('#email').inputValue()).toBe(ADMIN.email);
  expect(await page.locator('#password').evaluate((element) => element === document.activeElement)).toBe(true);
  await page.locator('#password').fill(ADMIN.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
});

test('an empty system says what to do next, and the way leads to a first list', async () => {
  if (fresh) {
    const steps = page.getByRole('region', { name: 'First steps' });
    await steps.getByRole('link', { name: 'New key' }).waitFor();
    await steps.getByRole('link', { name: 'Set up a second factor' }).waitFor();
    await page.getByRole('link', { name: 'Import a list' }).click();
  } else await visit(page, { path: '/lists?new=list' });
  const dialog = page.getByRole('dialog', { name: 'New list' });
  await dialog.waitFor();
  await typeInto('Name', 'national-hotline', dialog);
  await typeInto('Source optional', 'National hotline', dialog);
  await press('Create', dialog);
  await page.getByRole('heading', { level: 1, name: 'national-hotline' }).waitFor();
});

test('a file of hashes is imported by keyboard; the bad lines are shown with their numbers', async () => {
  const lines = [`# a list`, `${sha256}  # the practice picture`, 'd41d8cd98f00b204e9800998ecf8427e', 'not a hash', ...Array.from({ length: 30 }, (_, i) => createHash('sha256').update(`n${i}`).digest('hex'))];
  const input = page.locator('input[type=file]');
  await tabTo(input);
  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('Space');
  await (await chooser).setFiles({ name: 'hashes.txt', mimeType: 'text/plain', buffer: Buffer.from(lines.join('\n')) });
  await page.getByText('hashes.txt').waitFor();
  await press('Import');
  await page.getByRole('heading', { name: 'What came of it' }).waitFor();
  const row = page.getByRole('row').filter({ hasText: /hexadecimal|hash/ }).last();
  expect(await row.locator('td').first().innerText()).toBe('4');
  await page.getByRole('button', { name: 'Show the entries' }).click();
  await page.getByText(sha256).waitFor();
});

test('a key is made and shown once; the call that is shown is pasted into a terminal, and its check comes live', async () => {
  await visit(page, { path: '/people?tab=keys&new=1' });
  const dialog = page.getByRole('dialog', { name: 'New key' });
  await dialog.getByLabel('Name').fill('browser test');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  const made = page.getByRole('dialog', { name: 'Your new key' });
  const key = (await made.locator('pre').first().innerText()).trim();
  expect(key.length).toBeGreaterThan(20);
  await made.getByText('The check shows up here as soon as it comes.').waitFor();
  const call = await made.locator('pre').nth(1).innerText();
  expect(call).toContain(key);
  const folder = mkdtempSync(join(tmpdir(), 'rushlight-call-'));
  writeFileSync(join(folder, 'picture.jpg'), picture);
  const said = await new Promise((resolve, reject) => execFile('bash', ['-c', call], { cwd: folder }, (error, out) => (error ? reject(error) : resolve(out))));
  rmSync(folder, { recursive: true });
  const told = JSON.parse(said);
  await made.getByText('Your first check has come.').waitFor();
  if (real) {
    expect([told.decision, told.action, told.matches[0].list]).toEqual(['exact', 'block', 'national-hotline']);
    await made.getByText('Exact').waitFor();
  }
  await made.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('cell', { name: 'browser test', exact: true }).waitFor();
  expect(await page.content()).not.toContain(key);
  const answer = await fetch(`${site.url}/api/v1/check/hash`, { method: 'POST', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ hashes: [sha256] }) });
  expect(answer.status).toBe(200);
  expect((await answer.json()).results[0].decision).toBe('exact');
});

test('a dropped file is checked, the answer explained, and the same check comes by itself in the feed', async () => {
  await visit(page, { path: '/check' });
  const before = await page.locator('.feed li').count();
  await page.locator('.drop').evaluate((zone, bytes) => {
    const carried = new DataTransfer();
    carried.items.add(new File([new Uint8Array(bytes)], 'exact.jpg', { type: 'image/jpeg' }));
    zone.dispatchEvent(new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
  }, [...picture]);
  const answer = page.locator('article').first();
  await answer.getByText('A hash of this file equals an entry of a list.').waitFor();
  await answer.getByText('SHA-256 is equal.').waitFor();
  await answer.getByRole('link', { name: 'national-hotline' }).waitFor();
  await page.locator('.feed li').nth(before).waitFor();
  if (real) {
    const first = page.locator('.feed li').first();
    await first.locator('summary').first().click(); // which list, and that its bytes are held
    await first.getByRole('link', { name: 'national-hotline' }).waitFor();
    await first.getByText('its bytes are held').waitFor();
  }
  expect(await page.locator('main img, main video, main canvas').count()).toBe(0); // never a picture
  expect(await page.locator('pre').first().innerText()).toContain('file=@exact.jpg');
  for (const [language, word] of [['Python', 'requests.post'], ['JavaScript', 'openAsBlob'], ['Go', 'http.NewRequest'], ['curl', 'curl']]) {
    await page.getByRole('button', { name: language, exact: true }).click();
    await page.locator('pre').first().getByText(word).waitFor();
  }
});

realOnly('a receipt is saved and holds what was decided; a video is followed until it is done', async () => {
  await visit(page, { path: '/check' });
  await page.getByRole('checkbox', { name: /Ask for receipts/ }).check();
  await page.locator('input[type=file]').setInputFiles({ name: 'known.jpg', mimeType: 'image/jpeg', buffer: picture });
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save receipt' }).click()]);
  const receipt = JSON.parse(readFileSync(await saved.path(), 'utf8'));
  expect(receipt.decision).toBe('exact');
  expect(JSON.stringify(receipt)).toContain(sha256);
  await page.getByRole('checkbox', { name: /Ask for receipts/ }).uncheck();
  const videos = join(root, 'practice/set/video');
  await page.locator('input[type=file]').setInputFiles(join(videos, readdirSync(videos)[0]));
  await page.locator('details.answer', { hasText: readdirSync(videos)[0] }).locator('summary').getByText(/^(None|Near|Exact)$/).waitFor({ timeout: 20_000 });
});

test('hashes are checked together, a bad one errs alone', async () => {
  await page.getByRole('tab', { name: 'Files' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByLabel('Hashes, one a line').fill(`${sha256}\nnonsense\n${'0'.repeat(32)}`);
  await page.getByRole('button', { name: 'Check 3 hashes' }).click();
  await page.getByRole('heading', { name: 'Answers' }).waitFor();
  const answers = page.locator('details.answer');
  expect(await answers.count()).toBe(3);
  expect(await answers.nth(0).locator('summary').innerText()).toContain('Exact');
  expect(await answers.nth(1).locator('summary').innerText()).toContain('Not a hash');
  expect(await answers.nth(2).locator('summary').innerText()).toContain('None');
  expect(await page.locator('pre').first().innerText()).toContain('/api/v1/check/hash');
  expect(page.url()).toContain('tab=hashes');
});

test('a link to a private address is refused in words', async () => {
  tab.expected.push(/check\/url/);
  await page.getByRole('tab', { name: 'Links' }).click();
  await page.getByLabel('Links, one a line').fill('http://10.0.0.1/secret.jpg');
  await page.getByRole('button', { name: 'Check links' }).click();
  await page.getByText('This was not checked.').waitFor();
});

test('an entry is quarantined, found by its state, and the address can be passed on', async () => {
  await visit(page, { path: `/lists/national-hotline?find=${sha256.slice(0, 16)}`, seen: 'tbody tr' });
  await page.getByRole('button', { name: `Change ${sha256.slice(0, 12)}…` }).click();
  const dialog = page.getByRole('dialog', { name: 'Change an entry' });
  await dialog.getByLabel('State').selectOption('quarantined');
  await dialog.getByRole('button', { name: 'Save entry' }).click();
  await toast('The entry is saved.');
  await visit(page, { path: '/lists/national-hotline?state=quarantined', seen: 'tbody tr' });
  await page.reload();
  await ready(page);
  await page.getByText(sha256).waitFor();
  expect(await page.locator('tbody tr').count()).toBe(1);
});

test('a table sorts, filters, links to itself and leaves as CSV', async () => {
  await visit(page, { path: '/lists', seen: 'tbody tr' });
  await page.getByRole('columnheader', { name: 'Active' }).getByRole('button').click();
  expect(page.url()).toContain('sort=active');
  expect(await page.getByRole('columnheader', { name: 'Active' }).getAttribute('aria-sort')).toBe('ascending');
  await page.getByRole('searchbox').fill('no such list');
  await page.getByText('No row fits “no such list”.').waitFor();
  await page.getByRole('searchbox').fill('national');
  await page.getByRole('link', { name: 'national-hotline' }).waitFor();
  expect(page.url()).toContain('q=national');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe('lists.csv');
  expect(readFileSync(await file.path(), 'utf8')).toMatch(/^\uFEFFName,Kind,Category,/);
});

test('a policy is changed, signed with a reason, and stands among the versions', async () => {
  await visit(page, { path: '/policy', seen: 'tbody tr' });
  await page.getByRole('button', { name: 'Change the policy' }).click();
  await page.getByRole('button', { name: 'Add a rule' }).click();
  const rule = page.getByRole('group', { name: 'Rule 1' });
  await rule.getByLabel('List', { exact: true }).selectOption('national-hotline');
  await rule.getByLabel('Action').selectOption('block');
  await page.getByRole('button', { name: 'Save…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign this policy' });
  await dialog.getByText(ADMIN.email).waitFor();
  expect(await dialog.getByRole('button', { name: 'Sign and save' }).isDisabled()).toBe(true);
  await dialog.getByLabel('Why').fill('what the hotline confirmed');
  await dialog.getByRole('button', { name: 'Sign and save' }).click();
  await toast('The policy is in force.');
  await page.getByText('what the hotline confirmed').waitFor();
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByRole('cell', { name: 'what the hotline confirmed' }).waitFor();
});

ours('a webhook is tried, and what comes is signed with the secret that was shown', async () => {
  await visit(page, { path: '/webhooks?new=1' });
  await page.getByRole('dialog', { name: 'New webhook' }).getByLabel('Address').fill(site.receiver.url);
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'The webhook’s secret' });
  const secret = (await dialog.locator('pre').innerText()).trim();
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  const row = page.getByRole('row').filter({ hasText: site.receiver.url });
  await row.getByRole('button', { name: 'Test' }).click();
  await page.getByText(/It answered 200 in/).waitFor();
  const test = site.receiver.got.find(({ headers }) => headers['rushlight-type'] === 'test');
  expect(signedBy(secret, test)).toBe(true);
  expect(signedBy(`${secret}x`, test)).toBe(false);
  await row.getByRole('button', { name: 'Attempts' }).click();
  await page.getByRole('dialog', { name: 'Attempts' }).getByRole('cell', { name: 'A test' }).waitFor();
  await page.keyboard.press('Escape');
});

test('a webhook is made, its secret shown once', async () => {
  await visit(page, { path: '/webhooks?new=1' });
  await page.getByRole('dialog', { name: 'New webhook' }).getByLabel('Address').fill('https://hooks.example.org/rushlight');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'The webhook’s secret' });
  expect((await dialog.locator('pre').innerText()).length).toBeGreaterThan(16);
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByText('https://hooks.example.org/rushlight').waitFor();
});

test('settings are saved, and say what they mean', async () => {
  await visit(page, { path: '/settings', seen: 'main form' });
  await page.getByLabel('Minutes between two trials').fill('7');
  await page.getByRole('button', { name: 'Save settings' }).click();
  await toast('The settings are saved.');
  await page.reload();
  await page.locator('main form').waitFor();
  expect(await page.getByLabel('Minutes between two trials').inputValue()).toBe('7');
});

test('the audit log shows what was done, filters it, and verifies', async () => {
  await visit(page, { path: '/audit' });
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText('none changed, missing or out of order').waitFor();
  await page.getByLabel('What', { exact: true }).fill('list');
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.locator('tbody tr').first().waitFor();
  expect(page.url()).toContain('what=list');
});

test('the palette opens with Ctrl-K, finds a list, and a pasted hash', async () => {
  await visit(page, { path: '/' });
  await page.keyboard.press('Control+k');
  await page.locator('dialog[open] [role=combobox]').waitFor();
  await page.keyboard.type('national');
  await page.getByRole('option', { name: /national-hotline/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'national-hotline' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.locator('dialog[open] [role=combobox]').waitFor();
  await page.keyboard.type('f'.repeat(64));
  await page.getByRole('option', { name: /Check this hash/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Check' }).waitFor();
  expect(await page.getByLabel('Hashes, one a line').inputValue()).toBe('f'.repeat(64));
});

test('the rail leads everywhere by keyboard, and the heading of the new page has the focus', async () => {
  await visit(page, { path: '/' });
  await page.reload();
  await ready(page);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('To the page');
  await tabTo(page.getByRole('link', { name: 'Health' }).first());
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Health' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  expect(await page.title()).toBe('Health · Rushlight');
});

test('a second factor is set up, asked for, and switched off', async () => {
  await visit(page, { path: '/settings?tab=me' });
  await page.getByRole('button', { name: 'Set up a second factor' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('svg.qr path').waitFor();
  const secret = (await dialog.locator('pre').innerText()).replace(/\s/g, '');
  tab.expected.push(/422.*totp.confirm/);
  await dialog.getByLabel('Code', { exact: true }).fill('000000');
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await dialog.getByRole('alert').getByText(/code/).first().waitFor();
  await dialog.getByLabel('Code', { exact: true }).fill(await totp(secret));
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('dialog', { name: 'Recovery codes' }).waitFor();
  const codes = (await page.getByRole('dialog').locator('pre').innerText()).trim().split('\n');
  expect(codes.length).toBeGreaterThanOrEqual(8);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'Switch off the second factor' }).first().click();
  await page.getByRole('dialog').getByLabel('Password').fill(ADMIN.password);
  await page.getByRole('dialog').getByRole('button', { name: 'Switch off the second factor' }).click();
  await toast('The second factor is off.');
});
// RFC 6238 with SHA-1, 30 s, six digits; the stand-in takes one code only.
async function totp(secret) {
  if (!real) return '123456';
  const { createHmac } = await import('node:crypto');
  const bits = [...secret.replace(/=+$/, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('a person gets a link, sets a password with it, and signs in; the link works once', async () => {
  await visit(page, { path: '/people?new=1' });
  const dialog = page.getByRole('dialog', { name: 'New person' });
  await dialog.getByLabel('E-mail address').fill('grace@example.org');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const href = (await page.getByRole('dialog', { name: 'A link to set a password' }).locator('pre').innerText()).trim();
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('cell', { name: 'No password yet' }).waitFor();
  const other = await watched(browser, site.url);
  await other.page.goto(href);
  await other.page.getByRole('heading', { name: 'Set a password' }).waitFor();
  await other.page.getByLabel('New password').fill('a password of her own');
  await other.page.getByLabel('Password again').fill('a password of her own');
  await other.page.getByRole('button', { name: 'Set password' }).click();
  await other.page.getByText('The password is set. Sign in as').waitFor();
  await other.page.getByRole('link', { name: 'Sign in' }).click();
  await other.page.locator('#email').fill('grace@example.org');
  await other.page.locator('#password').fill('a password of her own');
  await other.page.keyboard.press('Enter');
  await other.page.getByRole('heading', { name: 'Overview' }).waitFor();
  other.expected.push(/403.*reset/);
  await other.page.goto('about:blank');
  await other.page.goto(href);
  await other.page.getByLabel('New password').fill('a password of her own');
  await other.page.getByLabel('Password again').fill('a password of her own');
  await other.page.getByRole('button', { name: 'Set password' }).click();
  await other.page.getByText('This link was used already, or its time is over.').waitFor();
  expect(other.wrong).toEqual([]);
  await other.context.close();
});

test('a list’s threshold is changed and stands in its history', async () => {
  await visit(page, { path: '/lists/national-hotline?tab=settings', seen: 'main form' });
  await page.getByLabel('Pictures: bits').fill('20');
  await page.getByRole('button', { name: 'Save settings' }).click();
  await toast('The settings are saved.');
  await page.getByText('up to 20 bits differ').waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByRole('cell', { name: 'Changed a list’s settings' }).first().waitFor();
  await page.getByRole('cell', { name: ADMIN.email }).first().waitFor(); // by name, not by id
});

ours('a scan of an allowed folder is started, and shows its results when it is done', async () => {
  await visit(page, { path: '/scans?new=1' });
  await page.getByRole('button', { name: site.set }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.locator('main').getByText('Done', { exact: true }).waitFor({ timeout: 30_000 });
  await page.getByLabel('Decision').selectOption('unreadable');
  await page.getByRole('button', { name: 'odd/cut-short.jpg' }).click();
  await page.getByRole('dialog').getByText('It ends before its own structure says it should.').waitFor();
  await page.keyboard.press('Escape');
});

standIn('a scan is started, its progress comes live, its results are shown', async () => {
  await visit(page, { path: '/scans?new=1' });
  await page.getByRole('button', { name: '/srv/uploads' }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText(/of 40 files/).waitFor();
  await page.locator('main').getByText('Done', { exact: true }).waitFor();
});

standIn('a session that ended leads to sign-in and back to where one was', async () => {
  await visit(page, { path: '/audit?what=list' });
  tab.expected.push(/401/);
  site.endSessions();
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText('Your session has ended.').waitFor();
  await page.locator('#email').fill(ADMIN.email);
  await page.locator('#password').fill(ADMIN.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/audit?what=list');
});

standIn('a cut event stream is taken up again, and what was missed comes', async () => {
  await visit(page, { path: '/check' });
  await page.locator('.live.on').waitFor();
  const before = await page.locator('.feed li').count();
  tab.expected.push(/ERR_INCOMPLETE_CHUNKED/);
  site.cutStreams();
  await page.locator('.live:not(.on)').waitFor();
  for (let i = 0; i < 3; ++i) site.say('check', { id: `missed_${i}`, at: new Date().toISOString(), by: 'key:x', decision: 'none', action: 'allow', type: 'image/png', bytes: 1 });
  await page.locator('.live.on').waitFor();
  await page.waitForFunction((count) => document.querySelectorAll('.feed li').length >= count, before + 3);
});

standIn('a server that is down is said in words: what happened, what was kept, what to do', async () => {
  await visit(page, { path: '/settings', seen: 'main form' });
  tab.expected.push(/503/);
  site.state.down = true;
  await page.getByRole('button', { name: 'Save settings' }).click();
  const alert = page.getByRole('alert');
  await alert.getByText('The server can’t do this at the moment.').waitFor();
  expect(await alert.innerText()).toMatch(/It is not certain whether it was saved\. Try again in 5 seconds\./);
  site.state.down = false;
  await page.getByRole('button', { name: 'Save settings' }).click();
  await toast('The settings are saved.');
});

standIn('two who change the policy at once: the second is told, nothing is lost', async () => {
  await visit(page, { path: '/policy', seen: 'tbody tr' });
  await page.getByRole('button', { name: 'Change the policy' }).click();
  site.state.policies.unshift({ ...site.state.policies[0], version: 99, by: 'grace@example.org', note: 'hers' });
  tab.expected.push(/409/);
  await page.getByRole('button', { name: 'Save…' }).click();
  await page.getByLabel('Why').fill('mine');
  await page.getByRole('button', { name: 'Sign and save' }).click();
  await page.getByRole('alert').getByText('Version 99 was saved by grace@example.org').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect(await page.getByRole('group', { name: 'Rule 1' }).count()).toBe(1); // the draft is still there
});

standIn('a person without roles is shown no dead ends', async () => {
  const viewer = { id: 'acc_v', email: 'viewer@example.org', password: 'correct horse battery', roles: ['viewer'], active: true };
  site.state.accounts.push(viewer);
  const other = await watched(browser, site.url);
  await signIn(other.page, site.url, viewer);
  await ready(other.page);
  expect(await other.page.getByRole('heading', { name: 'First steps' }).count()).toBe(0);
  const shown = await other.page.locator('aside nav li').allInnerTexts();
  expect(shown.map((text) => text.trim())).toEqual(['Overview', 'Policy', 'Health', 'Settings']);
  await visit(other.page, { path: '/people' });
  await other.page.getByText('Your roles do not include this page.').waitFor();
  expect(other.wrong).toEqual([]);
  await other.context.close();
});

standIn('an analyst sees what is held, and that only an administrator may destroy it', async () => {
  const analyst = { id: 'acc_a', email: 'analyst@example.org', password: 'correct horse battery', roles: ['analyst'], active: true };
  site.state.accounts.push(analyst);
  site.state.held.push({ id: 'held_a', sha256: 'a'.repeat(64), bytes: 1000, why: 'match', ref: '', made: '2026-01-01T00:00:00Z', expires: '2099-01-01T00:00:00Z' });
  const other = await watched(browser, site.url);
  await signIn(other.page, site.url, analyst);
  await visit(other.page, { path: '/holding', seen: 'tbody tr' });
  await other.page.getByText('Only an administrator may destroy one before its time.').waitFor();
  expect(await other.page.getByRole('button', { name: /Destroy/ }).count()).toBe(0);
  expect(other.wrong).toEqual([]);
  await other.context.close();
  await visit(page, { path: '/holding', seen: 'tbody tr' });
  await page.getByRole('button', { name: /Destroy aaaa/ }).waitFor();
});
