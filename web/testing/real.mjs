// A real server: the program that was built, on a free port, with a data folder of its own that goes with it; and where `data` is
// asked for, set up and filled over the API as people fill it: lists of the practice set, keys, a webhook that is really
// received, checks, a scan, a policy.
import { spawn } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ADMIN = { email: 'ada@example.org', password: 'correct horse battery' };

// Takes webhooks and keeps what came. `answer` is the status that it gives.
export async function startReceiver() {
  const got = [];
  const receiver = { got, answer: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      response.writeHead(receiver.answer).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}/rushlight`;
  receiver.target = `127.0.0.1:${server.address().port}`;
  receiver.close = () => new Promise((resolve) => { server.closeAllConnections?.(); server.close(resolve); });
  return receiver;
}

// docs/formats/webhook.md: t=SECONDS,v1=HMAC over "SECONDS.BODY"
export function signedBy(secret, { headers, body }) {
  const given = Object.fromEntries(String(headers['rushlight-signature'] ?? '').split(',').map((one) => one.split('=')));
  if (!given.t || !given.v1) return false;
  const wanted = createHmac('sha256', secret).update(`${given.t}.${body}`).digest();
  const sent = Buffer.from(given.v1, 'hex');
  return sent.length === wanted.length && timingSafeEqual(sent, wanted);
}

export async function startReal({ program, root, setUp = true, data = true }) {
  const folder = mkdtempSync(join(tmpdir(), 'rushlight-console-'));
  // What may be scanned: the practice set, where an operator would have it.
  const set = join(folder, 'uploads');
  cpSync(join(root, 'practice/set'), set, { recursive: true });
  const receiver = await startReceiver();
  const child = spawn(program, ['serve', '--json', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--allow-target', receiver.target], {
    env: { ...process.env, RUSHLIGHT_SCAN_FOLDERS: set },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killed = () => child.kill('SIGKILL'); // whatever becomes of the tests
  process.once('exit', killed);
  let said = '';
  child.stderr.on('data', (part) => (said = (said + part).slice(-20_000)));
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    }
    process.off('exit', killed);
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const ready = await new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (part) => {
        text += part;
        if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))).ready);
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    });
    const site = { url: ready.url.replace(/\/$/, ''), setupUrl: ready.setup_url, folder, set, receiver, close };
    if (setUp) await fill(site, data, join(root, 'practice'));
    return site;
  } catch (error) {
    await close();
    throw error;
  }
}

async function fill(site, data, practice) {
  let cookie = '';
  let csrf = '';
  const ask = async (method, path, body, more = {}) => {
    const raw = body instanceof FormData || typeof body === 'string';
    const answer = await fetch(`${site.url}/api/v1${path}`, {
      method,
      headers: { ...(cookie ? { Cookie: cookie, 'X-CSRF-Token': csrf } : {}), ...(raw || body === undefined ? {} : { 'Content-Type': 'application/json' }), ...more },
      body: raw ? body : body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const set = answer.headers.get('set-cookie');
    if (set) cookie = set.split(';')[0];
    return text ? JSON.parse(text) : undefined;
  };
  const session = await ask('POST', '/setup', { token: new URL(site.setupUrl).hash.slice(1), ...ADMIN, profile: 'platform', holding: true });
  csrf = session.csrf;
  if (!data) return;
  const read = (path) => readFileSync(join(practice, path), 'utf8');
  await ask('POST', '/lists', { name: 'national-hotline', kind: 'known', category: 'csam', source: 'National hotline' });
  await ask('POST', '/lists/national-hotline/import', read('list.jsonl'), { 'Content-Type': 'application/octet-stream' });
  await ask('POST', '/lists', { name: 'looked-at-harmless', kind: 'negative', category: 'harmless', source: 'Our own reviewers' });
  await ask('POST', '/lists/looked-at-harmless/import', read('harmless.csv'), { 'Content-Type': 'application/octet-stream' });
  const { items } = await ask('GET', '/lists/national-hotline/entries?limit=3');
  await ask('PATCH', '/lists/national-hotline/entries', { hash: items[2].value, method: items[2].method, state: 'quarantined', note: 'asked the hotline again' });
  const { key } = await ask('POST', '/keys', { name: 'upload-service', scopes: ['check'] });
  await ask('POST', '/keys', { name: 'nightly import', scopes: ['lists', 'read'] });
  await ask('POST', '/accounts', { email: 'grace@example.org', roles: ['analyst', 'reviewer'], password: 'a password of her own' });
  const hook = await ask('POST', '/webhooks', { url: site.receiver.url, events: ['check.matched', 'canary.missed'] });
  await ask('POST', `/webhooks/${hook.id}/test`);
  site.hook = hook.id;
  const policy = await fetch(`${site.url}/api/v1/policy`, { headers: { Cookie: cookie } }).then((answer) => answer.json());
  await ask('PUT', '/policy', { note: 'what the hotline confirmed is refused at once', rules: [{ list: 'national-hotline', kind: 'exact', action: 'block', review: true }, { category: 'csam', kind: 'near', action: 'hold', review: true }], fallback: policy.fallback }, { 'If-Match': `"${policy.version}"` });
  const send = async (folder, name) => {
    const form = new FormData();
    form.set('context', JSON.stringify({ account: 'uploader 7', ref: name }));
    form.set('file', new Blob([readFileSync(join(site.set, folder, name))]), name);
    const answer = await fetch(`${site.url}/api/v1/check`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body: form });
    if (!answer.ok) throw new Error(`check of ${name}: ${answer.status} ${await answer.text()}`);
  };
  for (const folder of ['photos', 'copies', 'odd']) for (const name of readdirSync(join(site.set, folder)).slice(0, 12)) await send(folder, name);
  const { id } = await ask('POST', '/scans', { targets: [site.set] });
  for (let waited = 0; waited < 300 && (await ask('GET', `/scans/${id}`)).state === 'running'; ++waited) await new Promise((resolve) => setTimeout(resolve, 100));
  site.scan = id;
}
