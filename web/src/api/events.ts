// Server-sent events over fetch: unlike EventSource it can send Last-Event-ID on a connection of its own making, and it
// sees a 401. A hidden tab lets go of its connection (a browser keeps only six to one server) and asks for what it missed
// when it is seen again. Reconnects with back-off, 1 s to 30 s, or as long as the server's `retry:` says.
export interface ServerEvent {
  id: string;
  type: string;
  data: string;
}

// Turns chunks of text into events, as the HTML standard reads an event stream.
export class EventParser {
  lastId = ''; // of the last event that came whole
  retry: number | null = null;
  private id: string | null = null;
  private rest = '';
  private type = '';
  private data: string[] = [];
  private started = false;

  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.rest += chunk;
    if (!this.started && this.rest) {
      this.started = true;
      if (this.rest.startsWith('\uFEFF')) this.rest = this.rest.slice(1);
    }
    for (;;) {
      const end = this.rest.search(/[\r\n]/);
      // A CR at the very end may be half of a CRLF.
      if (end < 0 || (this.rest[end] === '\r' && end + 1 === this.rest.length)) break;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      if (line) {
        this.field(line);
        continue;
      }
      if (this.id !== null) this.lastId = this.id;
      if (this.data.length) {
        events.push({ id: this.lastId, type: this.type || 'message', data: this.data.join('\n') });
        this.data = [];
      }
      this.type = '';
    }
    return events;
  }

  private field(line: string) {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment, which keeps the connection alive
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.type = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }
}

export type Link = 'connecting' | 'live' | 'waiting' | 'paused' | 'off';
type Listener = (data: unknown, event: ServerEvent) => void;

export class Events {
  state: Link = 'off';
  lastId = '';
  onState: ((state: Link) => void) | null = null;
  onExpired: (() => void) | null = null;
  private listeners = new Map<string, Set<Listener>>();
  private stop: AbortController | null = null;
  private wanted = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;

  constructor(
    private readonly url = '/api/v1/events',
    private readonly fetcher: typeof fetch = (...a) => fetch(...a),
  ) {}

  on(type: string, listener: Listener): () => void {
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(listener));
    return () => set.delete(listener);
  }

  open() {
    this.wanted = true;
    if (!this.stop) void this.run();
  }

  // `keep`: it will be opened again and wants what it missed.
  close(keep = false) {
    this.wanted = false;
    clearTimeout(this.timer);
    this.stop?.abort();
    this.stop = null;
    if (!keep) this.lastId = '';
    this.say(keep ? 'paused' : 'off');
  }

  // Lets go of the connection while nobody looks.
  watchVisibility(page: Document) {
    page.addEventListener('visibilitychange', () => {
      if (page.hidden && this.wanted) this.close(true);
      else if (!page.hidden && this.state === 'paused') this.open();
    });
  }

  private say(state: Link) {
    if (this.state === state) return;
    this.state = state;
    this.onState?.(state);
  }

  private async run() {
    const stop = (this.stop = new AbortController());
    this.say('connecting');
    let wait: number | null = null;
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.lastId) headers['Last-Event-ID'] = this.lastId;
      const response = await this.fetcher(this.url, { headers, credentials: 'same-origin', cache: 'no-store', signal: stop.signal });
      if (response.status === 401) {
        this.close();
        this.onExpired?.();
        return;
      }
      if (!response.ok || !response.body) throw new Error(String(response.status));
      this.say('live');
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      parser.lastId = this.lastId;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.tries = 0;
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.give(event);
        this.lastId = parser.lastId; // also an id without data, by which a server can say where the stream begins
        wait = parser.retry;
      }
    } catch {
      // Told by the state; tried again below.
    }
    if (this.stop !== stop) return;
    this.stop = null;
    if (!this.wanted) return;
    this.say('waiting');
    this.timer = setTimeout(() => void this.run(), wait ?? Math.min(30_000, 1000 * 2 ** this.tries++));
  }

  private give(event: ServerEvent) {
    const set = this.listeners.get(event.type);
    if (!set?.size) return;
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    for (const listener of [...set]) listener(data, event);
  }
}

export const events = new Events();
