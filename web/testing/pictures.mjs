// node testing/pictures.mjs OUT [PAGE…] – pictures of every page of the console, in both themes, at 360 and 1,440 px (THEMES="light",
// SIZES="360"), against the stand-in, or with RUSHLIGHT_PROGRAM against that program, filled with practice data. To be looked at,
// and for docs/console/.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, launch, PAGES, ready, real, root, server, signIn, visit } from './browser.mjs';

const [out, ...only] = process.argv.slice(2);
const sizes = (process.env.SIZES ?? '1440 360').split(' ').map(Number);
const themes = (process.env.THEMES ?? 'light dark').split(' ');
const wanted = (name) => !only.length || only.includes(name);
mkdirSync(out, { recursive: true });
const browser = await launch();

async function eachWay(shots) {
  for (const theme of themes) {
    for (const width of sizes) {
      const context = await browser.newContext({ viewport: { width, height: width < 600 ? 760 : 900 }, colorScheme: theme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await shots(page, (name) => page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`), fullPage: true }));
      await context.close();
    }
  }
}

if (wanted('setup')) {
  const fresh = await server({ setUp: false });
  await eachWay(async (page, shoot) => {
    await page.goto(fresh.setupUrl);
    await ready(page);
    await shoot('setup');
    await page.goto(`${fresh.url}/setup`);
    await page.reload();
    await ready(page);
    await shoot('setup-nolink');
  });
  await fresh.close();
}
if (wanted('empty')) {
  const bare = await server({ data: false });
  await eachWay(async (page, shoot) => {
    await signIn(page, bare.url);
    for (const one of PAGES.filter(({ path }) => ['/', '/check', '/lists', '/scans', '/webhooks', '/holding', '/people?tab=keys'].includes(path))) {
      await visit(page, one.name === 'lists' ? { path: '/lists' } : one);
      await shoot(`empty-${one.name}`);
    }
    await visit(page, { path: '/people?tab=keys&new=1' });
    await page.getByRole('dialog').getByLabel('Name').fill('upload-service');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByText('The check shows up here as soon as it comes.').waitFor();
    await shoot('first-key');
  });
  await bare.close();
}
const site = await server();
await eachWay(async (page, shoot) => {
  if (wanted('sign-in') || wanted('reset')) {
    for (const name of ['sign-in', 'reset']) {
      await page.goto(`${site.url}/${name}${name === 'reset' ? '#token' : ''}`);
      await ready(page);
      await shoot(name);
    }
  }
  await signIn(page, site.url);
  for (const one of PAGES.filter(({ name }) => wanted(name))) {
    await visit(page, at(site, one));
    await shoot(one.name);
  }
  if (wanted('answers')) {
    await visit(page, { path: '/check' });
    if (real) {
      const file = (name) => ({ name: name.replace(/.*\//, ''), mimeType: 'image/jpeg', buffer: readFileSync(join(root, 'practice/set', name)) });
      await page.locator('input[type=file]').setInputFiles(['photos/spheres-01.jpg', 'odd/cut-short.jpg', 'photos/town-04.jpg'].map(file));
      await page.locator('article').nth(2).waitFor({ state: 'attached' });
    } else {
      const file = (name) => ({ name, mimeType: 'image/jpeg', buffer: Buffer.from(name) });
      await page.locator('input[type=file]').setInputFiles(file('near-harmless-holiday-picture.jpg'));
      await page.getByText('1 match was taken back').waitFor();
      await shoot('answer-near');
      await page.locator('input[type=file]').setInputFiles(['exact.jpg', 'broken.png', 'huge.mp4', 'a-picture-with-a-very-long-file-name-as-cameras-and-messengers-make-them-2026-11-24-12-00-00.jpg'].map(file));
      await page.getByText('This was not checked.').waitFor();
    }
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
  if (wanted('problem') && !real) {
    site.state.canary = false;
    await visit(page, { path: '/health' });
    await shoot('health-bad');
    site.state.down = true;
    await visit(page, { path: '/scans' });
    await page.getByRole('alert').waitFor();
    await shoot('problem');
    site.state.canary = true;
    site.state.down = false;
  }
});
await site.close();
await browser.close();
