import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client, Problem, problemOf, query, secondsOf } from './client';
import { EventParser, Events } from './events';
import { explain } from './explain';

interface Sent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
}
const sent: Sent[] = [];
function answer(status: number, body: unknown = undefined, headers: Record<string, string> = {}) {
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    sent.push({ url, method: init.method ?? 'GET', headers: init.headers as Record<string, string>, body: init.body as string });
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    return new Response(status === 204 ? null : text, { status, headers: { 'content-type': 'application/json', ...headers } });
  });
}
afterEach(() => {
  sent.length = 0;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('a call', () => {
  it('carries the CSRF token of the session where it changes something, and only there', async () => {
    const client = new Client();
    answer(200, { account: { id: '1', email: 'a', roles: [] }, csrf: 'token' });
    await client.session();
    await client.changeSettings({ canary_minutes: 10 });
    expect(sent[0]?.headers['X-CSRF-Token']).toBeUndefined();
    expect(sent[1]?.headers['X-CSRF-Token']).toBe('token');
    expect(sent[1]?.method).toBe('PATCH');
    expect(JSON.parse(sent[1]?.body ?? '')).toEqual({ canary_minutes: 10 });
  });
  it('carries a key of its own where it creates, so that a repeat creates nothing twice', async () => {
    const client = new Client();
    answer(201, { id: '1', key: 'k' });
    await client.createKey({ name: 'n', scopes: ['check'] });
    await client.createKey({ name: 'n', scopes: ['check'] });
    const [first, second] = sent.map((one) => one.headers['Idempotency-Key']);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).not.toBe(first);
  });
  it('puts names into a path whole', async () => {
    const client = new Client();
    answer(200, { items: [], next: null });
    await client.entries('a/b ?ü', { q: 'x&y', limit: 3 });
    expect(sent[0]?.url).toBe('/api/v1/lists/a%2Fb%20%3F%C3%BC/entries?q=x%26y&limit=3');
  });
  it('says the version it changes', async () => {
    const client = new Client();
    answer(200, {});
    await client.savePolicy(7, { note: '', rules: [], fallback: { exact: { action: 'block', review: true }, near: { action: 'hold', review: true }, unreadable: 'allow' } });
    expect(sent[0]?.headers['If-Match']).toBe('"7"');
  });
  it('answers nothing for 204', async () => {
    answer(204);
    expect(await new Client().call('DELETE', '/x')).toBeUndefined();
  });
});

describe('a problem', () => {
  const thrown = async (what: Promise<unknown>): Promise<Problem> => what.then(() => expect.fail('went well'), (error: Problem) => error);

  it('has the kind, the detail and the wait that the server says', async () => {
    answer(429, { type: '/problems/rate-limited', title: 'slow', detail: 'Too many attempts.' }, { 'content-type': 'application/problem+json', 'retry-after': '90' });
    const problem = await thrown(new Client().signIn('a', 'b'));
    expect(problem).toMatchObject({ kind: 'rate-limited', status: 429, detail: 'Too many attempts.', retryAfter: 90, changing: true });
  });
  it('is told by its status where the body says nothing', () => {
    expect(problemOf(404, 'text/html', '<h1>no</h1>', null, false).kind).toBe('not-found');
    expect(problemOf(502, null, '', null, false).kind).toBe('unavailable');
    expect(problemOf(422, 'application/problem+json', '{broken', null, true).kind).toBe('invalid');
    expect(problemOf(400, 'application/problem+json', '[1]', null, true).detail).toBe('');
  });
  it('is offline where no answer came', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('network');
    });
    expect((await thrown(new Client().lists())).kind).toBe('offline');
  });
  it('is said where an answer is no JSON', async () => {
    answer(200, '<html>');
    expect((await thrown(new Client().lists())).kind).toBe('unreadable-answer');
  });
  it('that ends the session is told once to whoever leads to sign-in, but a wrong password is not', async () => {
    const client = new Client();
    const expired = vi.fn();
    client.onExpired = expired;
    answer(401, { type: '/problems/unauthorised' });
    await thrown(client.signIn('a', 'b'));
    expect(expired).not.toHaveBeenCalled();
    await thrown(client.lists());
    expect(expired).toHaveBeenCalledOnce();
  });
  it('says what happened, what was kept and what to do', () => {
    const read = explain(new Problem('offline', 0, '', '', null, {}, false));
    expect(read.kept).toBe('Nothing was changed.');
    const change = explain(new Problem('invalid', 422, '', 'The name is taken.', null, {}, true));
    expect(change).toMatchObject({ detail: 'The name is taken.', kept: 'Nothing was saved.' });
    expect(explain(new Problem('offline', 0, '', '', null, {}, true)).kept).toMatch(/not certain/);
    expect(explain(new Problem('unavailable', 503, '', '', 5, {}, true)).todo).toBe('Try again in 5 seconds.');
    expect(explain(new TypeError('a bug of ours') as unknown as Problem).detail).toBe('a bug of ours');
  });
  it('reads Retry-After as seconds or as a date', () => {
    expect(secondsOf('5')).toBe(5);
    expect(secondsOf('Tue, 24 Nov 2026 12:00:30 GMT', Date.parse('2026-11-24T12:00:00Z'))).toBe(30);
    expect(secondsOf('soon')).toBeNull();
    expect(secondsOf(null)).toBeNull();
  });
});

it('a query leaves out what is not asked', () => {
  expect(query({ a: '', b: undefined, c: null, d: 0, e: 'x y' })).toBe('?d=0&e=x+y');
  expect(query({})).toBe('');
});

describe('an event stream', () => {
  it('is read in whatever pieces it comes', () => {
    const text = '\uFEFF: hello\r\nid: 7\r\nevent: check\r\ndata: {"a":\r\ndata: 1}\r\n\r\nretry: 2500\n\nid: 8\ndata:x\n\nevent: ignored\n\n';
    for (let size = 1; size <= text.length; ++size) {
      const parser = new EventParser();
      const events = [];
      for (let i = 0; i < text.length; i += size) events.push(...parser.push(text.slice(i, i + size)));
      expect(events).toEqual([
        { id: '7', type: 'check', data: '{"a":\n1}' },
        { id: '8', type: 'message', data: 'x' },
      ]);
      expect(parser.retry).toBe(2500);
    }
  });

  it('forgets an event that was cut, so that it is asked for again', () => {
    const parser = new EventParser();
    parser.push('id: 3\n\nid: 4\nevent: check\ndata: {}\n');
    expect(parser.lastId).toBe('3');
    expect(parser.push('\n')).toEqual([{ id: '4', type: 'check', data: '{}' }]);
    expect(parser.lastId).toBe('4');
  });

  const stream = (...chunks: string[]) =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
          controller.close();
        },
      }),
    );

  it('comes back after it was cut, asking for what it missed', async () => {
    vi.useFakeTimers();
    const asked: (string | undefined)[] = [];
    const events = new Events('/events', async (_url, init) => {
      asked.push((init?.headers as Record<string, string>)['Last-Event-ID']);
      return stream(`id: ${asked.length}\nevent: check\ndata: {"n":${asked.length}}\n\n`);
    });
    const got: unknown[] = [];
    events.on('check', (data) => got.push(data));
    events.open();
    await vi.advanceTimersByTimeAsync(1000);
    await vi.advanceTimersByTimeAsync(1000);
    events.close();
    expect(got.slice(0, 2)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(asked.slice(0, 2)).toEqual([undefined, '1']);
  });
  it('waits longer each time that it does not get through', async () => {
    vi.useFakeTimers();
    let tries = 0;
    const states: string[] = [];
    const events = new Events('/events', async () => {
      ++tries;
      throw new TypeError('network');
    });
    events.onState = (state) => states.push(state);
    events.open();
    await vi.advanceTimersByTimeAsync(31_500);
    expect(tries).toBe(6); // at 0, 1, 3, 7, 15 and 31 s
    expect(states.slice(0, 3)).toEqual(['connecting', 'waiting', 'connecting']);
    events.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toBe(6);
  });
  it('tells of a session that ended, and does not try again', async () => {
    vi.useFakeTimers();
    let tries = 0;
    const expired = vi.fn();
    const events = new Events('/events', async () => {
      ++tries;
      return new Response(null, { status: 401 });
    });
    events.onExpired = expired;
    events.open();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toBe(1);
    expect(expired).toHaveBeenCalledOnce();
    expect(events.state).toBe('off');
  });
  it('lets a broken event pass and goes on', async () => {
    vi.useFakeTimers();
    const events = new Events('/events', async () => stream('event: a\ndata: {broken\n\nevent: a\ndata: 2\n\n'));
    const got: unknown[] = [];
    events.on('a', (data) => got.push(data));
    events.open();
    await vi.advanceTimersByTimeAsync(10);
    events.close();
    expect(got).toEqual([2]);
  });
});
