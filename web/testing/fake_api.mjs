// A small stand-in for the server, in memory: the console's files by their manifest, and the API in the shapes of its
// contract, with sessions, CSRF, roles, problems and events. It decides nothing cleverly: a file whose name holds "exact"
// matches exactly, and so on. For the console's tests and for working on the console; never shipped.
//
//   node testing/fake_api.mjs FOLDER [PORT] [--full]   serves FOLDER, prints the set-up link (--full: set up, with data)
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const ADMIN = { email: 'ada@example.org', password: 'correct horse battery' };
const CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
const hash = (text, kind = 'sha256') => createHash(kind).update(String(text)).digest('hex');
const NOW = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const at = (secondsAgo) => new Date(Date.now() - secondsAgo * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

class Refused extends Error {
  constructor(status, name, detail, more = {}, headers = {}) {
    super(detail);
    Object.assign(this, { status, name_: name, detail, more, headers });
  }
}
const refuse = (...arguments_) => {
  throw new Refused(...arguments_);
};

function seed(state) {
  const list = (name, more) => ({
    name, kind: 'known', category: 'csam', source: '', thresholds: { pdq: 31, vpdq: 31, vpdq_share: 80 }, entries: 0, active: 0, quarantined: 0,
    disabled: 0, created: at(86400 * 40), created_by: 'account:acc_1', changed: at(3600), rows: [], ...more,
  });
  const rows = (name, count) =>
    Array.from({ length: count }, (_, i) => ({
      value: hash(`${name} ${i}`, ['sha256', 'md5', 'sha256'][i % 3]),
      method: ['pdq', 'md5', 'sha256'][i % 3],
      state: i % 17 === 5 ? 'quarantined' : i % 29 === 7 ? 'disabled' : 'active',
      ...(i % 4 === 0 ? { note: `case 2026-${100 + i}` } : {}),
      who: i % 5 ? 'account:acc_1' : 'key:key_2',
      when: at(3600 * i + 60),
    }));
  state.lists = [
    list('national-hotline', { source: 'National hotline', rows: rows('national', 60) }),
    list('partner exchange with a rather long name, agreed in writing 2026', { source: 'Industry exchange', category: 'sextortion', rows: rows('partner', 12), expires: at(-86400 * 5) }),
    list('harmless', { kind: 'negative', category: 'harmless', rows: rows('harmless', 4) }),
  ];
  const match = (decision) => ({
    list: 'national-hotline', entry: hash('national 0'), method: decision === 'near' ? 'pdq' : 'sha256', distance: decision === 'near' ? 12 : 0,
    threshold: 31, orientation: decision === 'near' ? 'rot90' : 'original', category: 'csam',
  });
  state.checks = ['near', 'exact', 'unreadable', 'near', 'exact'].map((decision, i) => ({
    id: `chk_${i}`, at: at(120 + i * 700), by: i % 2 ? 'key:key_1' : 'account:acc_1', decision, action: { near: 'hold', exact: 'block', unreadable: 'allow' }[decision],
    type: ['image/jpeg', 'image/png', 'video/mp4'][i % 3], bytes: 214_000 + i * 91_533, sha256: hash(`check ${i}`), pdq: hash(`pdq ${i}`),
    matches: decision === 'unreadable' ? [] : [match(decision)], context: { ref: `upload-${i}` }, held: i === 1,
  }));
  state.held = [0, 1, 2].map((i) => ({ id: `held_${i}`, sha256: hash(`held ${i}`), bytes: 480_000 + i * 1000, why: 'match', ref: `chk_${i}`, made: at(3600 * (i + 1)), expires: at(-3600 * (71 - i)) }));
  state.scans = [
    { id: 'scan_1', targets: ['/srv/uploads/2026-11'], state: 'done', started: at(7200), ended: at(6600), progress: { files: 412, total: 412, items: 460 }, summary: { items: 460, exact: 3, near: 5, none: 441, unreadable: 11, skipped: 0, seconds: 600 } },
    { id: 'scan_2', targets: ['/srv/imports/crawl-0007.warc.gz', '/srv/imports/crawl-0008.warc.gz'], state: 'stopped', started: at(90_000), ended: at(89_000), progress: { files: 2, items: 9000 }, summary: { items: 9000, exact: 0, near: 1, none: 8990, unreadable: 9, skipped: 0, seconds: 1000 } },
  ];
  state.items = Array.from({ length: 60 }, (_, i) => {
    const decision = i < 3 ? 'exact' : i < 8 ? 'near' : i < 14 ? 'unreadable' : 'none';
    return {
      item: `/srv/uploads/2026-11/${i % 7 === 0 ? 'a folder whose name goes on and on/archive.zip!inner/' : ''}IMG_${1000 + i}.jpg`,
      decision, type: 'image/jpeg', bytes: 100_000 + i * 17, md5: hash(i, 'md5'), sha256: hash(`item ${i}`), pdq: hash(`item pdq ${i}`), quality: 97,
      matches: decision === 'exact' || decision === 'near' ? [match(decision)] : [], suppressed: [], ...(decision === 'unreadable' ? { reason: i % 2 ? 'truncated' : 'unsupported', message: 'the file ends within its third scan' } : {}), ms: 8.1,
    };
  });
  state.keys = [
    { id: 'key_1', name: 'upload-service', scopes: ['check'], made: at(86400 * 20), made_by: 'account:acc_1', used: at(40) },
    { id: 'key_2', name: 'nightly import', scopes: ['lists', 'read'], made: at(86400 * 90), made_by: 'account:acc_1', used: at(86400 * 3), expires: at(-86400 * 200) },
    { id: 'key_3', name: 'old service', scopes: ['check'], made: at(86400 * 300), made_by: 'account:acc_1', revoked: at(86400 * 10) },
  ];
  state.webhooks = [
    { id: 'wh_1', url: 'https://platform.example/rushlight/hook', events: ['check.matched', 'canary.missed'], state: 'active', made: at(86400) },
    { id: 'wh_2', url: 'https://staging.platform.example/a/very/long/path/that/somebody/configured/once/and/forgot', events: [], state: 'paused', why_paused: '16 tries failed', made: at(86400 * 3) },
  ];
  state.attempts = [0, 1, 2].map((i) => ({ event: `evt_${i}`, type: 'check.matched', attempt: 3 - i, at: at(300 * (i + 1)), ms: 42 + i, status: [200, 503, 0][i], delivered: i === 0, why: ['', 'it answered 503', 'connection refused'][i] }));
  state.dead = [{ id: 'dead_1', kind: 'message.deliver', url: 'https://staging.platform.example/hook', attempts: 16, died: at(86400), why: 'it answered 503' }];
  state.accounts.push(
    { id: 'acc_2', email: 'grace.with.a.very.long.address@hotline.example.org', roles: ['analyst', 'reviewer'], active: true, has_password: true, second_factor: true, made: at(86400 * 8), signed_in: at(900) },
    { id: 'acc_3', email: 'former@example.org', roles: ['viewer'], active: false, has_password: true, second_factor: false, made: at(86400 * 80), signed_in: at(86400 * 30) },
  );
  state.policies = [
    { version: 2, by: 'account:acc_1', at: at(86400 * 2), note: 'partner list is new: look first', rules: [{ list: 'partner exchange with a rather long name, agreed in writing 2026', action: 'hold', review: true }, { category: 'csam', kind: 'exact', action: 'block', review: false }], fallback: { exact: { action: 'block', review: true }, near: { action: 'hold', review: true }, unreadable: 'allow' } },
    { version: 1, by: 'account:acc_1', at: at(86400 * 30), note: 'first', rules: [], fallback: { exact: { action: 'block', review: true }, near: { action: 'hold', review: true }, unreadable: 'allow' } },
  ];
  state.settings.holding.on = true;
  for (const [what, on, detail] of [['list.imported', 'list:national-hotline', { added: 130 }], ['api_key.created', 'key:key_1', { scopes: ['check'] }], ['policy.saved', 'policy:2', { note: 'partner list is new: look first' }], ['held_file.destroyed', 'held_file:held_9', { reason: 'decided: harmless' }], ['account.signed_in', 'account:acc_1', null]]) record(state, 'account:acc_1', what, on, detail);
  for (let i = 0; i < 120; ++i) record(state, 'key:key_1', 'check.matched', `check:chk_${100 + i}`, { decision: i % 3 ? 'near' : 'exact' });
}

function record(state, who, what, on, detail = null) {
  const [kind, ...id] = on.split(':');
  state.audit.push({ number: String(state.audit.length + 1), at: at(Math.max(0, 8000 - state.audit.length * 60)), who, what, on: { kind, id: id.join(':') }, detail: detail ?? {}, digest: hash(state.audit.length) });
}

const count = (list) => {
  const { rows, ...shown } = list;
  const of = (wanted) => rows.filter((row) => row.state === wanted).length;
  return { ...shown, entries: rows.length, active: of('active'), quarantined: of('quarantined'), disabled: of('disabled') };
};
const page = (items, query, most = 1000) => {
  const from = Number(query.get('cursor') ?? 0);
  const limit = Math.min(most, Number(query.get('limit') ?? 100));
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
};
const METHODS = { 32: 'md5', 40: 'sha1', 64: 'sha256' };

export async function startFake({ root, port = 0, setUp = true, data = true } = {}) {
  const manifest = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8'));
  const files = new Map(manifest.files.map((file) => [file.path, file]));
  const token = randomBytes(16).toString('base64url');
  const state = {
    accounts: [], sessions: new Map(), resets: new Map(), lists: [], checks: [], held: [], scans: [], items: [], keys: [], webhooks: [], attempts: [], dead: [], audit: [],
    policies: [{ version: 0, note: '', rules: [], fallback: { exact: { action: 'block', review: true }, near: { action: 'hold', review: true }, unreadable: 'allow' } }],
    settings: { profile: 'platform', holding: { on: false, hours: 72, quota_mb: 2048 }, canary_minutes: 5, retention: { checks: 365, scans: 90, webhooks: 30 } },
    totp: { waiting: null, on: false }, failures: 0, down: false, canary: true, streams: new Set(), lastEvent: 0, past: [], calls: [],
  };
  const admin = () => state.accounts.push({ id: 'acc_1', email: ADMIN.email, password: ADMIN.password, roles: ['admin', 'analyst', 'reviewer', 'steward'], active: true, has_password: true, second_factor: false, made: NOW(), signed_in: NOW() });
  if (setUp) admin();
  if (setUp && data) seed(state);

  function say(type, body) {
    const text = `id: ${++state.lastEvent}\nevent: ${type}\ndata: ${JSON.stringify(body)}\n\n`;
    state.past.push(text);
    for (const stream of state.streams) stream.write(text);
  }
  function open(account) {
    const id = randomBytes(12).toString('hex');
    state.sessions.set(id, { id, account, csrf: randomBytes(12).toString('hex'), made: NOW() });
    return { status: 201, body: { account: shownAccount(account), csrf: state.sessions.get(id).csrf, profile: state.settings.profile, version: '0.1.0' }, headers: { 'Set-Cookie': `rushlight_session=${id}; HttpOnly; SameSite=Strict; Path=/` } };
  }
  const shownAccount = ({ password, ...account }) => account;
  function resetOf(account) {
    const token = randomBytes(16).toString('base64url');
    state.resets.set(token, account);
    return { reset_token: token, reset_expires: at(-3600) };
  }
  const policy = () => state.policies[0];
  const listOf = (name) => state.lists.find((list) => list.name === name) ?? refuse(404, 'not-found', `There is no list '${name}'.`);

  function answer(name, bytes = 0, by = 'account:acc_1') {
    const decision = /exact/.test(name) ? 'exact' : /near/.test(name) ? 'near' : /broken/.test(name) ? 'unreadable' : 'none';
    const base = { list: state.lists[0]?.name ?? 'national-hotline', entry: hash('national 0'), threshold: 31, category: 'csam' };
    const matches = decision === 'exact' ? [{ ...base, method: 'sha256', distance: 0, orientation: 'original' }] : decision === 'near' ? [{ ...base, method: 'pdq', distance: 12, orientation: 'rot90' }] : [];
    const suppressed = /harmless/.test(name) ? [{ ...base, method: 'pdq', distance: 18, orientation: 'original', by: hash('harmless 0'), why: 'harmless' }] : [];
    const action = decision === 'exact' ? 'block' : decision === 'near' ? 'hold' : decision === 'unreadable' ? policy().fallback.unreadable : 'allow';
    const id = `chk_${randomBytes(5).toString('hex')}`;
    const made = { id, decision, matches, suppressed, type: 'image/jpeg', bytes, width: 1600, height: 1200, md5: hash(name, 'md5'), sha1: hash(name, 'sha1'), sha256: hash(name), pdq: hash(`pdq ${name}`), quality: 98, action, case: null, reason: decision === 'unreadable' ? 'truncated' : null };
    say('check', { id, at: NOW(), by, decision, action, type: made.type, bytes });
    return made;
  }
  const oneHash = (given) => {
    const value = typeof given === 'string' ? given : given.value;
    const method = (typeof given === 'object' && given.method) || (value.startsWith('[') ? 'vpdq' : METHODS[value.length]);
    if (!method || !/^[0-9a-f]+$/i.test(value)) return { hash: value, error: { code: 'corrupt', message: 'neither 32, 40 nor 64 hexadecimal digits' } };
    const found = state.lists.flatMap((list) => list.rows.filter((row) => row.value === value && row.state === 'active').map((row) => ({ list: list.name, entry: row.value, method: row.method, distance: 0, threshold: 31, category: list.category })));
    return { hash: value, decision: found.length ? (found[0].method === 'pdq' ? 'near' : 'exact') : 'none', matches: found, suppressed: [], action: found.length ? 'block' : 'allow' };
  };
  function importText(name, text) {
    let list = state.lists.find((one) => one.name === name);
    if (!list) {
      list = { name, kind: 'known', category: 'csam', source: '', thresholds: { pdq: 31, vpdq: 31, vpdq_share: 80 }, created: NOW(), created_by: 'account:acc_1', changed: NOW(), rows: [] };
      state.lists.push(list);
    }
    const report = { list: name, format: 'text', read: 0, added: 0, duplicate: 0, bad_lines: 0, bad: [] };
    text.split(/\r?\n/).forEach((raw, i) => {
      const line = raw.trim();
      if (!line || line.startsWith('#')) return;
      const [value, note] = line.split(/\s*#\s*/);
      const method = METHODS[value.length];
      if (!method || !/^[0-9a-f]+$/i.test(value)) {
        ++report.bad_lines;
        report.bad.push({ line: i + 1, reason: 'neither 32, 40 nor 64 hexadecimal digits' });
        return;
      }
      ++report.read;
      if (list.rows.some((row) => row.value === value)) ++report.duplicate;
      else {
        ++report.added;
        list.rows.unshift({ value, method, state: 'active', ...(note ? { note } : {}), who: 'account:acc_1', when: NOW() });
      }
    });
    list.changed = NOW();
    record(state, 'account:acc_1', 'list.imported', `list:${name}`, { added: report.added, bad_lines: report.bad_lines });
    say('list', { name });
    return report;
  }
  function runScan(scan) {
    scan.timer = setInterval(() => {
      scan.progress.files = Math.min(40, scan.progress.files + 8);
      scan.progress.items = scan.progress.files + 3;
      if (scan.progress.files >= 40) {
        clearInterval(scan.timer);
        Object.assign(scan, { state: 'done', ended: NOW(), summary: { items: 43, exact: 1, near: 2, none: 40, unreadable: 0, skipped: 0, seconds: 1 } });
      }
      const { timer, ...shown } = scan;
      say('scan', shown);
    }, 150);
    scan.timer.unref?.();
  }
  const shownScan = ({ timer, ...scan }) => scan;
  function stats(span) {
    const [length, step] = { hour: [60, 60], day: [24, 3600], week: [28, 21_600], month: [30, 86_400] }[span] ?? refuse(422, 'invalid', 'span is hour, day, week or month');
    const wave = (scale, phase) => Array.from({ length }, (_, i) => (state.lists.length ? Math.max(0, Math.round(scale * (1.2 + Math.sin((i + phase) / 3)))) : 0));
    return { span, step_seconds: step, series: { exact: wave(3, 0), near: wave(6, 2), none: wave(180, 4), unreadable: wave(2, 7), blocked: wave(3, 0), held: wave(6, 2) }, from: at(length * step), to: NOW() };
  }
  const canaryRuns = () => Array.from({ length: 60 }, (_, i) => ({ at: at(300 * i + 30), ok: state.canary || i > 1, ms: 38 + (i % 7), ...(state.canary || i > 1 ? {} : { error: 'the decode child did not answer within 10 s' }) }));

  // METHOD path → [roles that may ("*": whoever is signed in, null: anybody), what is done]
  const routes = [
    ['GET', '/setup', null, () => ({ needed: !state.accounts.length, ...(state.accounts.length ? {} : { key_file: '/srv/rushlight/var/rushlight.key' }), profiles: [['platform', 'Platform', 'You host what people upload, check it, and owe reports.', true], ['hotline', 'Hotline', 'People tell you of links; you follow each until it is gone.', false], ['ngo', 'Organisation that helps', 'You find help for people, and keep no pictures.', false], ['police', 'Police unit', 'You receive reports and must see at once which child is in danger.', true], ['research', 'Research', 'You work with numbers; nothing of a person is kept.', false]].map(([id, name, what, holding]) => ({ id, name, what, holding, hours: 72 })) })],
    ['POST', '/setup', null, ({ json }) => {
      if (state.accounts.length) refuse(409, 'conflict', 'There is an administrator already.');
      if (json.token !== token) refuse(403, 'forbidden', 'This link was used, or is not the one that was printed.');
      if ((json.password ?? '').length < 12) refuse(422, 'invalid', 'The password has fewer than 12 characters.');
      admin();
      Object.assign(state.accounts[0], { email: json.email, password: json.password });
      state.settings.profile = json.profile;
      state.settings.holding.on = json.holding;
      return { ...open(state.accounts[0]), status: 201 };
    }],
    ['POST', '/session', null, ({ json }) => {
      if (state.failures >= 5) refuse(429, 'rate-limited', 'Too many attempts.', {}, { 'Retry-After': '90' });
      const account = state.accounts.find((one) => one.email === json.email && one.password === json.password && one.active);
      if (!account) {
        ++state.failures;
        refuse(401, 'unauthorised', 'E-mail address or password is wrong.');
      }
      if (account.second_factor && !json.code) refuse(401, 'second-factor', 'A second factor is asked for.', { second_factor: true });
      if (account.second_factor && json.code !== '123456') refuse(401, 'unauthorised', 'The code is wrong.');
      state.failures = 0;
      return open(account);
    }],
    ['GET', '/session', '*', ({ session }) => ({ account: shownAccount(session.account), csrf: session.csrf, profile: state.settings.profile, version: '0.1.0' })],
    ['DELETE', '/session', '*', ({ session }) => {
      state.sessions.delete(session.id);
      return { status: 204, headers: { 'Set-Cookie': 'rushlight_session=; Max-Age=0; Path=/' } };
    }],
    ['GET', '/me', '*', ({ session }) => shownAccount(session.account)],
    ['POST', '/me/password', '*', ({ session, json }) => {
      if (json.old !== session.account.password) refuse(422, 'invalid', 'The password now is not right.');
      session.account.password = json.new;
      return { status: 204 };
    }],
    ['POST', '/me/totp', '*', () => ({ secret: 'JBSWY3DPEHPK3PXP', uri: `otpauth://totp/Rushlight:${encodeURIComponent(ADMIN.email)}?secret=JBSWY3DPEHPK3PXP&issuer=Rushlight` })],
    ['POST', '/me/totp/confirm', '*', ({ session, json }) => {
      if (json.code !== '123456') refuse(422, 'invalid', 'The code is wrong.');
      session.account.second_factor = true;
      return { recovery_codes: Array.from({ length: 10 }, (_, i) => `${hash(i).slice(0, 5)}-${hash(i).slice(5, 10)}`) };
    }],
    ['DELETE', '/me/totp', '*', ({ session, json }) => {
      if (json.password !== session.account.password) refuse(422, 'invalid', 'The password is wrong.');
      session.account.second_factor = false;
      return { status: 204 };
    }],
    ['GET', '/me/sessions', '*', ({ session }) => ({ items: [{ id: session.id, made: session.made, used: NOW(), ends: at(-3600 * 12), this: true }, { id: 'ses_2', made: at(86400), used: at(4000), ends: at(-3600 * 4), this: false }], next: null })],
    ['DELETE', '/me/sessions/:id', '*', () => ({ status: 204 })],

    ['POST', '/check', 'analyst admin', ({ raw, query, session }) => {
      const name = /filename="([^"]*)"/.exec(raw.toString('latin1'))?.[1] ?? '';
      if (/huge/.test(name)) refuse(413, 'too-large', 'The file has more than 512 MB.');
      if (/down/.test(name)) refuse(503, 'unavailable', 'No decoder is free.', {}, { 'Retry-After': '5' });
      const made = answer(name, raw.length, session.key ? `key:${session.key.id}` : undefined);
      if (/video/.test(name)) {
        state.later = made;
        return { status: 202, body: { id: made.id } };
      }
      return query.get('receipt') ? { ...made, receipt: { v: 1, sha256: made.sha256, decision: made.decision, at: NOW(), signature: hash('signature') } } : made;
    }],
    ['POST', '/check/hash', 'analyst admin', ({ json }) => ({ results: json.hashes.map(oneHash) })],
    ['POST', '/check/url', 'analyst admin', ({ json }) => (/127\.0\.0\.1|localhost|\/\/10\./.test(json.url) ? refuse(422, 'invalid', 'The address 127.0.0.1 is not public.') : { ...answer(json.url, 4321), url: json.url, final_url: json.url })],
    ['GET', '/check/:id', 'analyst admin', ({ id }) => ({ id, state: 'done', answer: state.later })],
    ['GET', '/checks', 'analyst admin', ({ query }) => page(state.checks.filter((one) => !query.get('decision') || one.decision === query.get('decision')), query)],
    ['GET', '/stats', '*', ({ query }) => stats(query.get('span') ?? 'day')],
    ['GET', '/overview', '*', () => ({
      needs_me: [
        ...(state.canary ? [] : [{ what: 'canary_silent', count: 1, href: '/health', severity: 'bad' }]),
        ...(state.dead.length ? [{ what: 'dead_letters', count: state.dead.length, href: '/webhooks?tab=dead', severity: 'warn' }] : []),
        ...(state.held.length ? [{ what: 'held', count: state.held.length, href: '/holding', severity: 'info' }] : []),
      ],
      today: { checks: state.lists.length ? 4312 : 0, exact: state.lists.length ? 71 : 0, near: state.lists.length ? 148 : 0, none: state.lists.length ? 4051 : 0, unreadable: state.lists.length ? 42 : 0 },
      lists: { lists: state.lists.length, entries: state.lists.reduce((sum, list) => sum + list.rows.length, 0) },
      canary: { ok: state.canary, at: at(140), ms: 41, last_ok: at(state.canary ? 140 : 640) },
      holding: { on: state.settings.holding.on, items: state.held.length, bytes: state.held.reduce((sum, one) => sum + one.bytes, 0), quota: state.settings.holding.quota_mb * 1e6 },
      queue: { waiting: 2, dead: state.dead.length },
    })],
    ['GET', '/holding', 'analyst admin', ({ query }) => page(state.held, query)],
    ['DELETE', '/holding/:id', 'admin', ({ id, json }) => {
      if (!json?.reason) refuse(422, 'invalid', 'A reason is needed.');
      state.held = state.held.filter((one) => one.id !== id);
      return { status: 204 };
    }],

    ['GET', '/lists', '*', ({ query }) => page(state.lists.map(count), query)],
    ['POST', '/lists', 'analyst admin', ({ json }) => {
      if (state.lists.some((list) => list.name === json.name)) refuse(409, 'conflict', `There is a list '${json.name}' already.`);
      const list = { thresholds: { pdq: 31, vpdq: 31, vpdq_share: 80 }, created: NOW(), created_by: 'account:acc_1', changed: NOW(), category: '', source: '', ...json, rows: [] };
      state.lists.push(list);
      return { status: 201, body: count(list) };
    }],
    ['GET', '/lists/:id', '*', ({ id }) => count(listOf(id))],
    ['PATCH', '/lists/:id', 'analyst admin', ({ id, json, session }) => {
      record(state, `account:${session.account.id}`, 'list.changed', `list:${id}`, json.thresholds ?? {});
      return count(Object.assign(listOf(id), json, { changed: NOW() }));
    }],
    ['DELETE', '/lists/:id', 'analyst admin', ({ id }) => {
      state.lists = state.lists.filter((list) => list !== listOf(id));
      return { status: 204 };
    }],
    ['GET', '/lists/:id/entries', 'analyst admin', ({ id, query }) => {
      const asked = (query.get('q') ?? '').toLowerCase();
      return page(listOf(id).rows.filter((row) => (!query.get('state') || row.state === query.get('state')) && row.value.startsWith(asked)), query);
    }],
    ['POST', '/lists/:id/entries', 'analyst admin', ({ id, json }) => {
      const { added, duplicate, bad } = importText(listOf(id).name, json.hashes.join('\n'));
      return { added, duplicate, bad };
    }],
    ['PATCH', '/lists/:id/entries', 'analyst admin', ({ id, json }) => Object.assign(listOf(id).rows.find((row) => row.value === json.hash) ?? refuse(404, 'not-found', 'No such entry.'), { state: json.state, note: json.note, who: 'account:acc_1', when: NOW() })],
    ['DELETE', '/lists/:id/entries', 'analyst admin', ({ id, json }) => {
      const list = listOf(id);
      const before = list.rows.length;
      list.rows = list.rows.filter((row) => !json.hashes.includes(row.value));
      return { dropped: before - list.rows.length, missing: json.hashes.length - (before - list.rows.length) };
    }],
    ['POST', '/lists/:id/import', 'analyst admin', ({ id, raw }) => importText(id, raw.toString('utf8'))],
    ['GET', '/lists/:id/export', 'analyst admin', ({ id }) => ({ status: 200, text: `method,value,state,note,added_by,added_at\r\n${listOf(id).rows.map((row) => `${row.method},${row.value},${row.state},${row.note ?? ''},${row.who},${row.when}`).join('\r\n')}\r\n`, headers: { 'Content-Type': 'text/csv', 'Content-Disposition': 'attachment; filename="list.csv"' } })],

    ['GET', '/scans', 'analyst admin', ({ query }) => page(state.scans.map(shownScan), query)],
    ['POST', '/scans', 'analyst admin', ({ json }) => {
      if (!json.targets.every((target) => target.startsWith('/srv/'))) refuse(422, 'invalid', `${json.targets[0]} lies below none of the allowed folders.`);
      const scan = { id: `scan_${randomBytes(4).toString('hex')}`, targets: json.targets, state: 'running', started: NOW(), progress: { files: 0, total: 40, items: 0 } };
      state.scans.unshift(scan);
      runScan(scan);
      return { status: 202, body: { id: scan.id } };
    }],
    ['GET', '/scans/folders', 'analyst admin', () => ({ folders: ['/srv/uploads', '/srv/imports'] })],
    ['GET', '/scans/:id', 'analyst admin', ({ id }) => shownScan(state.scans.find((scan) => scan.id === id) ?? refuse(404, 'not-found', 'No such scan.'))],
    ['GET', '/scans/:id/items', 'analyst admin', ({ query }) => page(state.items.filter((item) => !query.get('decision') || item.decision === query.get('decision')), query)],
    ['POST', '/scans/:id/stop', 'analyst admin', ({ id }) => {
      const scan = state.scans.find((one) => one.id === id);
      clearInterval(scan.timer);
      Object.assign(scan, { state: 'stopped', ended: NOW() });
      say('scan', shownScan(scan));
      return { status: 202 };
    }],

    ['GET', '/policy', '*', policy],
    ['PUT', '/policy', 'admin', ({ json, headers, session }) => {
      if (!headers['if-match']) refuse(428, 'precondition-required', 'Say in If-Match which version you changed.');
      if (headers['if-match'] !== `"${policy().version}"`) refuse(409, 'conflict', `Version ${policy().version} was saved by ${policy().by} in the meantime.`);
      state.policies.unshift({ ...json, version: policy().version + 1, by: `account:${session.account.id}`, at: NOW() });
      return policy();
    }],
    ['GET', '/policy/versions', '*', ({ query }) => page(state.policies, query)],

    ['GET', '/accounts', 'admin', ({ query }) => page(state.accounts.map(shownAccount), query)],
    ['POST', '/accounts', 'admin', ({ json }) => {
      if (state.accounts.some((one) => one.email === json.email)) refuse(409, 'conflict', 'This address has an account already.');
      const account = { id: `acc_${state.accounts.length + 1}`, active: true, has_password: !!json.password, second_factor: false, made: NOW(), ...json };
      state.accounts.push(account);
      return { status: 201, body: { ...shownAccount(account), ...(json.password ? {} : resetOf(account)) } };
    }],
    ['PATCH', '/accounts/:id', 'admin', ({ id, json }) => shownAccount(Object.assign(state.accounts.find((one) => one.id === id), json))],
    ['POST', '/accounts/:id/reset', 'admin', ({ id }) => resetOf(state.accounts.find((one) => one.id === id) ?? refuse(404, 'not-found', 'No such account.'))],
    ['GET', '/names', '*', () => ({ items: [...state.accounts.map((one) => ({ who: `account:${one.id}`, name: one.email })), ...state.keys.map((one) => ({ who: `key:${one.id}`, name: one.name }))], next: null })],
    ['POST', '/reset', null, ({ json }) => {
      const account = state.resets.get(json.token) ?? refuse(403, 'forbidden', 'The link was used, or its time is over.');
      if ((json.password ?? '').length < 12) refuse(422, 'invalid', 'The password has fewer than 12 characters.');
      state.resets.delete(json.token);
      Object.assign(account, { password: json.password, has_password: true });
      return { email: account.email };
    }],
    ['GET', '/keys', 'admin', ({ query }) => page(state.keys, query)],
    ['POST', '/keys', 'admin', ({ json }) => {
      const key = { id: `key_${state.keys.length + 1}`, made: NOW(), made_by: 'account:acc_1', ...json };
      Object.defineProperty(key, 'secret', { value: `rl_${randomBytes(24).toString('base64url')}` });
      state.keys.unshift(key);
      return { status: 201, body: { id: key.id, key: key.secret } };
    }],
    ['DELETE', '/keys/:id', 'admin', ({ id }) => {
      state.keys.find((key) => key.id === id).revoked = NOW();
      return { status: 204 };
    }],
    ['GET', '/webhooks', 'admin', ({ query }) => page(state.webhooks, query)],
    ['POST', '/webhooks', 'admin', ({ json }) => {
      const hook = { id: `wh_${state.webhooks.length + 1}`, state: 'active', made: NOW(), ...json };
      state.webhooks.push(hook);
      return { status: 201, body: { id: hook.id, secret: `whsec_${randomBytes(18).toString('base64url')}` } };
    }],
    ['PATCH', '/webhooks/:id', 'admin', ({ id, json }) => Object.assign(state.webhooks.find((hook) => hook.id === id), json)],
    ['DELETE', '/webhooks/:id', 'admin', ({ id }) => {
      state.webhooks = state.webhooks.filter((hook) => hook.id !== id);
      return { status: 204 };
    }],
    ['POST', '/webhooks/:id/test', 'admin', ({ id }) => {
      const event = `evt_${randomBytes(4).toString('hex')}`;
      state.attempts.unshift({ event, type: 'test', attempt: 1, at: NOW(), ms: 37, ...(id === 'wh_2' ? { status: 0, delivered: false, why: 'connection refused' } : { status: 204, delivered: true, why: '' }) });
      return { status: 202, body: { event } };
    }],
    ['GET', '/webhooks/:id/attempts', 'admin', ({ query }) => page(state.attempts, query)],
    ['GET', '/dead-letters', 'admin', ({ query }) => page(state.dead, query)],
    ['POST', '/dead-letters/:id/retry', 'admin', ({ id }) => {
      state.dead = state.dead.filter((one) => one.id !== id);
      return { status: 204 };
    }],
    ['DELETE', '/dead-letters/:id', 'admin', ({ id }) => {
      state.dead = state.dead.filter((one) => one.id !== id);
      return { status: 204 };
    }],

    ['GET', '/audit', 'admin steward', ({ query }) => {
      const asked = (key) => query.get(key) ?? '';
      const fits = (key) => (entry) =>
        !asked(key) ||
        (key === 'on'
          ? asked(key).includes(':') ? `${entry.on.kind}:${entry.on.id}` === asked(key) : entry.on.kind === asked(key)
          : key === 'what' ? (asked(key).includes('.') ? entry.what === asked(key) : entry.what.startsWith(`${asked(key)}.`)) : entry[key] === asked(key));
      return page([...state.audit].reverse().filter((entry) => ['who', 'what', 'on'].every((key) => fits(key)(entry)) && (!query.get('from') || Date.parse(entry.at) >= Date.parse(query.get('from'))) && (!query.get('to') || Date.parse(entry.at) < Date.parse(query.get('to')))), query);
    }],
    ['POST', '/audit/verify', 'admin steward', () => ({ entries: state.audit.length, ok: true, first_bad: null })],
    ['GET', '/audit/export', 'admin steward', () => ({ status: 200, text: state.audit.map((entry) => JSON.stringify(entry)).join('\n'), headers: { 'Content-Type': 'application/x-ndjson', 'Content-Disposition': 'attachment; filename="audit.jsonl"' } })],
    ['GET', '/audit/checkpoints', 'admin steward', ({ query }) => page([], query)],
    ['GET', '/health', '*', () => ({
      checks: [
        { check: 'sandbox', ok: true, found: 'user namespace, landlock 7, seccomp', do: null },
        { check: 'store', ok: true, found: 'SQLite, journal in WAL', do: null },
        { check: 'clock', ok: true, found: 'within 3 ms of the system’s monotonic clock', do: null },
        { check: 'disk', ok: state.canary, found: state.canary ? '41 GB free' : '1.2 GB free', do: state.canary ? null : 'Free space below /srv/rushlight, or move it to a larger disk.' },
        { check: 'keys', ok: true, found: '/srv/rushlight/var/rushlight.key, mode 0600', do: null },
      ],
      canary: { ok: state.canary, at: at(30), ms: 41, last_ok: at(state.canary ? 30 : 640), history: canaryRuns() },
      store: { where: '/srv/rushlight/var/rushlight.db', schema: 7 },
      disk: { free: 41_200_000_000 },
      version: '0.1.0',
      started: at(86_400 * 3),
    })],
    ['GET', '/settings', 'admin', () => state.settings],
    ['PATCH', '/settings', 'admin', ({ json }) => {
      Object.assign(state.settings, json, { holding: { ...state.settings.holding, ...json.holding } });
      return state.settings;
    }],
  ];

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://x');
    const send = (status, body, headers = {}) => {
      const common = { 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
      response.writeHead(status, { ...common, ...headers });
      response.end(body);
    };
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    state.calls.push(`${request.method} ${url.pathname}`);

    if (!url.pathname.startsWith('/api/')) {
      const file = files.get(url.pathname) ?? (url.pathname.startsWith('/assets/') ? null : files.get(manifest.index));
      if (!file) return send(404, 'not found', { 'Content-Type': 'text/plain' });
      const coding = ['br', 'gzip'].find((one) => file.encodings[one] && (request.headers['accept-encoding'] ?? '').includes(one));
      return send(200, readFileSync(join(root, coding ? file.encodings[coding].file : file.file)), {
        'Content-Type': file.type, ETag: file.etag, Vary: 'Accept-Encoding', 'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache', ...(coding ? { 'Content-Encoding': coding } : {}),
      });
    }
    try {
      if (state.down) refuse(503, 'unavailable', 'The store does not answer.', {}, { 'Retry-After': '5' });
      const path = url.pathname.slice('/api/v1'.length);
      const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      const key = bearer && state.keys.find((one) => one.secret === bearer && !one.revoked);
      const session = key ? { account: { roles: key.scopes.includes('check') ? ['analyst'] : [] }, key } : state.sessions.get(/rushlight_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1]);
      if (path === '/events') {
        if (!session) refuse(401, 'unauthorised', 'Sign in.');
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        response.write(`id: ${state.lastEvent}\n\n`);
        const last = Number(request.headers['last-event-id'] ?? NaN);
        if (!Number.isNaN(last)) for (const text of state.past.slice(last)) response.write(text);
        state.streams.add(response);
        request.on('close', () => state.streams.delete(response));
        response.on('close', () => state.streams.delete(response));
        return;
      }
      let found = null;
      let id;
      for (const route of routes) {
        const names = route[1].split('/');
        const given = path.split('/');
        if (route[0] !== request.method || names.length !== given.length || !names.every((name, i) => name.startsWith(':') || name === given[i])) continue;
        found = route;
        const at = names.findIndex((name) => name.startsWith(':'));
        id = at < 0 ? undefined : decodeURIComponent(given[at]);
        break;
      }
      if (!found) refuse(404, 'not-found', 'There is no such route.');
      const [, , roles, run] = found;
      if (roles !== null) {
        if (!session) refuse(401, 'unauthorised', 'Sign in.');
        if (roles !== '*' && !roles.split(' ').some((role) => session.account.roles.includes(role))) refuse(403, 'forbidden', 'Your roles do not allow this.');
        if (!session.key && !['GET', 'HEAD'].includes(request.method) && request.headers['x-csrf-token'] !== session.csrf) refuse(403, 'forbidden', 'The CSRF token is missing.');
      }
      const json = (request.headers['content-type'] ?? '').startsWith('application/json') && raw.length ? JSON.parse(raw.toString('utf8')) : undefined;
      const given = run({ id, json, raw, query: url.searchParams, headers: request.headers, session });
      const whole = given && typeof given.status === 'number' ? given : { status: 200, body: given };
      if (whole.text !== undefined) return send(whole.status, whole.text, whole.headers);
      send(whole.status, whole.body === undefined ? '' : JSON.stringify(whole.body), { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...whole.headers });
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      const status = error.status ?? 500;
      send(status, JSON.stringify({ type: `/problems/${error.name_ ?? 'unavailable'}`, title: error.name_ ?? 'error', status, detail: error.detail ?? 'A bug of the stand-in.', ...error.more }), { 'Content-Type': 'application/problem+json', ...error.headers });
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  return {
    url: address,
    scan: 'scan_1',
    hook: 'wh_1',
    setupUrl: setUp ? null : `${address}/setup#${token}`,
    state,
    say,
    endSessions: () => state.sessions.clear(),
    cutStreams: () => state.streams.forEach((stream) => stream.destroy()),
    close: () => {
      for (const stream of state.streams) stream.destroy();
      for (const scan of state.scans) clearInterval(scan.timer);
      server.closeAllConnections?.();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [root, port] = process.argv.slice(2).filter((one) => !one.startsWith('--'));
  const full = process.argv.includes('--full');
  const fake = await startFake({ root, port: Number(port ?? 0), setUp: full });
  console.log(fake.setupUrl ?? `${fake.url}  ${ADMIN.email}  ${ADMIN.password}`);
}
