// node testing/pictures.mjs FOLDER OUT [PAGE…] – pictures of every page of the console (built in FOLDER) against the stand-in, in
// both themes, at 360 and 1,440 px. To be looked at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ADMIN, startFake } from './fake_api.mjs';
import { launch, PAGES, signIn } from './browser.mjs';

const [root, out, ...only] = process.argv.slice(2);
const sizes = (process.env.SIZES ?? '1440 360').split(' ').map(Number);
const themes = (process.env.THEMES ?? 'light dark').split(' ');
mkdirSync(out, { recursive: true });
const browser = await launch();
const shoot = async (page, name, theme, width) => page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`), fullPage: true });

for (const theme of themes) {
  for (const width of sizes) {
    const context = await browser.newContext({ viewport: { width, height: width < 600 ? 760 : 900 }, colorScheme: theme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    if (!only.length || only.includes('setup')) {
      const fresh = await startFake({ root, setUp: false });
      await page.goto(fresh.setupUrl);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await shoot(page, 'setup', theme, width);
      await page.goto(`${fresh.url}/setup`);
      await page.getByRole('alert').waitFor();
      await shoot(page, 'setup-nolink', theme, width);
      await fresh.close();
    }
    const fake = await startFake({ root });
    if (!only.length || only.includes('sign-in')) {
      await page.goto(`${fake.url}/sign-in`);
      await page.getByRole('button').first().waitFor();
      await shoot(page, 'sign-in', theme, width);
    }
    await signIn(page, fake.url, ADMIN);
    for (const [name, path, ready] of PAGES) {
      if (only.length && !only.includes(name)) continue;
      await page.goto(fake.url + path);
      await ready(page);
      await shoot(page, name, theme, width);
    }
    await context.close();
    await fake.close();
  }
}
await browser.close();
