// pack.mjs FROM TO – makes of a finished build what the server serves: each file with its brotli and gzip variants where
// they are smaller, the licences of what is bundled, and manifest.json (docs/console.md), which is written last.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const [from, to] = process.argv.slice(2);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};
const BUNDLED = ['svelte', 'lucide', 'uqr', '@fontsource-variable/atkinson-hyperlegible-next', '@fontsource-variable/atkinson-hyperlegible-mono'];

function files(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)]));
}

rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
cpSync(from, to, { recursive: true });

const licences = BUNDLED.map((name) => {
  const folder = join('node_modules', name);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = ['LICENSE', 'LICENSE.md', 'license'].map((one) => join(folder, one)).find(existsSync);
  if (!file) throw new Error(`${name} comes without its licence`);
  return `${name} ${version}\n\n${readFileSync(file, 'utf8').trim()}\n`;
});
writeFileSync(join(to, 'licences.txt'), licences.join(`\n${'-'.repeat(72)}\n\n`));

const listed = files(to).map((file) => {
  const name = relative(to, file);
  const type = TYPES[extname(file)];
  if (!type) throw new Error(`${name}: its type is not known to pack.mjs`);
  const bytes = readFileSync(file);
  const encodings = {};
  if (type !== 'font/woff2') {
    const variants = {
      br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
      gzip: gzipSync(bytes, { level: 9 }),
    };
    for (const [coding, packed] of Object.entries(variants)) {
      if (packed.length + 32 > bytes.length) continue;
      const variant = `${name}.${coding === 'gzip' ? 'gz' : coding}`;
      mkdirSync(dirname(join(to, variant)), { recursive: true });
      writeFileSync(join(to, variant), packed);
      encodings[coding] = { file: variant, bytes: packed.length };
    }
  }
  return {
    path: `/${name}`,
    file: name,
    type,
    bytes: bytes.length,
    etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 24)}"`,
    immutable: name.startsWith('assets/'),
    encodings,
  };
});
writeFileSync(join(to, 'manifest.json'), `${JSON.stringify({ index: '/index.html', files: listed }, null, 1)}\n`);
console.log(`${listed.length} files, ${listed.reduce((sum, one) => sum + one.bytes, 0)} bytes in ${relative(process.cwd(), to) || to}`);
