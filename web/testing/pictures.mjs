// node testing/pictures.mjs OUT [PAGE…] – pictures of every page of the console against the stand-in, in both themes, at 360 and
// 1,440 px (THEMES="light", SIZES="360"). To be looked at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, PAGES, ready, server, signIn, visit } from './browser.mjs';

const [out, ...only] = process.argv.slice(2);
const sizes = (process.env.SIZES ?? '1440 360').split(' ').map(Number);
const themes = (process.env.THEMES ?? 'light dark').split(' ');
const wanted = (name) => !only.length || only.includes(name);
mkdirSync(out, { recursive: true });
const browser = await launch();

for (const theme of themes) {
  for (const width of sizes) {
    const context = await browser.newContext({ viewport: { width, height: width < 600 ? 760 : 900 }, colorScheme: theme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const shoot = (name) => page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`), fullPage: true });
    if (wanted('setup')) {
      const fresh = await server({ setUp: false });
      await page.goto(fresh.setupUrl);
      await ready(page);
      await shoot('setup');
      await page.goto(`${fresh.url}/setup`);
      await page.reload();
      await ready(page);
      await shoot('setup-nolink');
      await fresh.close();
    }
    if (wanted('empty')) {
      const bare = await server({ data: false });
      await signIn(page, bare.url);
      for (const one of PAGES.filter(({ path }) => ['/', '/check', '/lists', '/scans', '/webhooks', '/holding'].includes(path))) {
        await visit(page, one.name === 'lists' ? { path: '/lists' } : one);
        await shoot(`empty-${one.name}`);
      }
      await bare.close();
      await context.clearCookies();
    }
    const fake = await server();
    if (wanted('sign-in')) {
      await page.goto(`${fake.url}/sign-in`);
      await ready(page);
      await shoot('sign-in');
    }
    await signIn(page, fake.url);
    for (const one of PAGES.filter(({ name }) => wanted(name))) {
      await visit(page, one);
      await shoot(one.name);
    }
    if (wanted('answers')) {
      await visit(page, { path: '/check' });
      const file = (name) => ({ name, mimeType: 'image/jpeg', buffer: Buffer.from(name) });
      await page.locator('input[type=file]').setInputFiles(file('near-harmless-holiday-picture.jpg'));
      await page.getByText('1 match was taken back').waitFor();
      await shoot('answer-near');
      await page.locator('input[type=file]').setInputFiles(['exact.jpg', 'broken.png', 'huge.mp4', 'a-picture-with-a-very-long-file-name-as-cameras-and-messengers-make-them-2026-11-24-12-00-00.jpg'].map(file));
      await page.getByText('This was not checked.').waitFor();
      await page.waitForTimeout(300);
      await shoot('answers');
    }
    if (wanted('palette')) {
      await visit(page, { path: '/' });
      await page.keyboard.press('Control+k');
      await page.locator('dialog[open] [role=option]').first().waitFor();
      await shoot('palette');
      await page.keyboard.press('Escape');
    }
    if (wanted('policy-edit')) {
      await visit(page, { path: '/policy' });
      await page.getByRole('button', { name: 'Change the policy' }).click();
      await shoot('policy-edit');
    }
    if (wanted('problem')) {
      fake.state.canary = false;
      await visit(page, { path: '/health' });
      await shoot('health-bad');
      fake.state.down = true;
      await visit(page, { path: '/scans' });
      await page.getByRole('alert').waitFor();
      await shoot('problem');
    }
    await context.close();
    await fake.close();
  }
}
await browser.close();
