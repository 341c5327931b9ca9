// The one door to the server: JSON in and out, the CSRF token on everything that changes something, problems as values of
// one class. A 401 while somebody was signed in calls `onExpired` once; the page then leads to sign-in and back.
import type * as T from './types';

export class Problem extends Error {
  // `kind` is the last part of the problem's type ("/problems/not-found"); "offline" where no answer came.
  constructor(
    readonly kind: string,
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
    readonly fields: Record<string, unknown> = {},
    readonly changing = false,
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
}

const KINDS: Record<number, string> = {
  400: 'malformed', 401: 'unauthorised', 403: 'forbidden', 404: 'not-found', 405: 'method-not-allowed', 409: 'conflict',
  412: 'conflict', 413: 'too-large', 415: 'unsupported', 422: 'invalid', 429: 'rate-limited', 503: 'unavailable',
};

export function problemOf(status: number, type: string | null, body: string, retryAfter: string | null, changing: boolean): Problem {
  let fields: Record<string, unknown> = {};
  if (type?.includes('json')) {
    try {
      const parsed: unknown = JSON.parse(body);
      if (parsed && typeof parsed === 'object') fields = parsed as Record<string, unknown>;
    } catch {
      // A broken body says no more than its status.
    }
  }
  const text = (key: string) => (typeof fields[key] === 'string' ? (fields[key] as string) : '');
  const kind = text('type').split('/').pop() || KINDS[status] || (status >= 500 ? 'unavailable' : 'malformed');
  return new Problem(kind, status, text('title'), text('detail'), secondsOf(retryAfter), fields, changing);
}

// Retry-After is seconds or a date.
export function secondsOf(retryAfter: string | null, now = Date.now()): number | null {
  if (!retryAfter) return null;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? null : Math.max(0, Math.round((at - now) / 1000));
}

// crypto.randomUUID exists only on secure origins; a console on a LAN address has none.
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function query(parameters: Record<string, string | number | undefined | null>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

interface Call {
  json?: unknown;
  body?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  idempotent?: boolean;
}
export interface Upload {
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal;
}

const part = encodeURIComponent;

export class Client {
  csrf = '';
  onExpired: (() => void) | null = null;

  constructor(private readonly base = '/api/v1') {}

  async call<R>(method: string, path: string, { json, body, headers = {}, signal, idempotent }: Call = {}): Promise<R> {
    const changing = method !== 'GET' && method !== 'HEAD';
    const sent: Record<string, string> = { Accept: 'application/json', ...headers };
    if (changing && this.csrf) sent['X-CSRF-Token'] = this.csrf;
    if (idempotent) sent['Idempotency-Key'] = newKey();
    if (json !== undefined) sent['Content-Type'] = 'application/json';
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.base + path, {
        method,
        headers: sent,
        body: json !== undefined ? JSON.stringify(json) : body,
        credentials: 'same-origin',
        redirect: 'error',
        signal,
      });
      text = response.status === 204 ? '' : await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem('offline', 0, '', '', null, {}, changing);
    }
    return this.read<R>(response.status, response.headers.get('content-type'), text, response.headers.get('retry-after'), changing, path);
  }

  // What came back, as a value or as a problem thrown.
  private read<R>(status: number, type: string | null, text: string, retryAfter: string | null, changing: boolean, path: string): R {
    if (status >= 200 && status < 300) {
      if (!text) return undefined as R;
      try {
        return JSON.parse(text) as R;
      } catch {
        throw new Problem('unreadable-answer', status, '', '', null, {}, changing);
      }
    }
    const problem = problemOf(status, type, text, retryAfter, changing);
    if (status === 401 && path !== '/session' && path !== '/reset') this.onExpired?.();
    throw problem;
  }

  // fetch tells nothing of how much was sent; XMLHttpRequest does.
  private upload<R>(path: string, body: FormData | Blob, { onProgress, signal }: Upload = {}): Promise<R> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', this.base + path);
      request.setRequestHeader('Accept', 'application/json');
      if (this.csrf) request.setRequestHeader('X-CSRF-Token', this.csrf);
      request.upload.onprogress = (event) => onProgress?.(event.loaded, event.lengthComputable ? event.total : 0);
      request.onerror = () => reject(new Problem('offline', 0, '', '', null, {}, true));
      request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
      request.onload = () => {
        try {
          const header = (name: string) => request.getResponseHeader(name);
          resolve(this.read<R>(request.status, header('content-type'), request.responseText, header('retry-after'), true, path));
        } catch (error) {
          reject(error as Error);
        }
      };
      signal?.addEventListener('abort', () => request.abort());
      request.send(body);
    });
  }

  private get = <R>(path: string, signal?: AbortSignal) => this.call<R>('GET', path, { signal });
  private post = <R>(path: string, json?: unknown) => this.call<R>('POST', path, { json });
  private create = <R>(path: string, json: unknown) => this.call<R>('POST', path, { json, idempotent: true });

  private async opened(session: Promise<T.Session>): Promise<T.Session> {
    const value = await session;
    this.csrf = value.csrf;
    return value;
  }

  // Set-up and session
  setupState = () => this.get<T.SetupState>('/setup');
  setup = (body: { token: string; email: string; password: string; profile: string; holding: boolean }) =>
    this.opened(this.post<T.Session>('/setup', body));
  session = () => this.opened(this.get<T.Session>('/session'));
  signIn = (email: string, password: string, code?: string) =>
    this.opened(this.post<T.Session>('/session', code ? { email, password, code } : { email, password }));
  signOut = async () => {
    await this.call<void>('DELETE', '/session');
    this.csrf = '';
  };

  reset = (token: string, password: string) => this.post<{ email: string }>('/reset', { token, password });

  // Oneself
  me = () => this.get<T.Me>('/me');
  changePassword = (old: string, new_: string) => this.post<void>('/me/password', { old, new: new_ });
  startTotp = () => this.post<{ secret: string; uri: string }>('/me/totp');
  confirmTotp = (code: string) => this.post<{ recovery_codes: string[] }>('/me/totp/confirm', { code });
  stopTotp = (password: string) => this.call<void>('DELETE', '/me/totp', { json: { password } });
  mySessions = () => this.get<T.Page<T.MySession>>('/me/sessions');
  endSession = (id: string) => this.call<void>('DELETE', `/me/sessions/${part(id)}`);

  // Checks
  check(file: File, context: Record<string, string> | null, options: Upload & { receipt?: boolean; wait?: boolean }) {
    const form = new FormData();
    if (context) form.set('context', JSON.stringify(context));
    form.set('file', file, file.name);
    const asked = query({ receipt: options.receipt ? 1 : undefined, wait: options.wait === false ? 0 : undefined });
    return this.upload<T.Answer | T.CheckState>(`/check${asked}`, form, options);
  }
  checkHashes = (hashes: string[]) => this.post<{ results: T.Answer[] }>('/check/hash', { hashes });
  checkUrl = (url: string) => this.post<T.Answer | T.CheckState>('/check/url', { url });
  checkState = (id: string) => this.get<T.CheckState>(`/check/${part(id)}`);
  checks = (asked: { decision?: string; limit?: number; cursor?: string } = {}) => this.get<T.Page<T.StoredCheck>>(`/checks${query(asked)}`);
  stats = (span: T.Span) => this.get<T.Stats>(`/stats?span=${span}`);
  overview = () => this.get<T.Overview>('/overview');

  // Holding area
  holding = (cursor?: string) => this.get<T.Page<T.Held>>(`/holding${query({ cursor })}`);
  destroyHeld = (id: string, reason: string) => this.call<void>('DELETE', `/holding/${part(id)}`, { json: { reason } });

  // Lists
  lists = () => this.get<T.Page<T.HashList>>('/lists');
  list = (name: string) => this.get<T.HashList>(`/lists/${part(name)}`);
  createList = (body: Partial<T.HashList>) => this.create<T.HashList>('/lists', body);
  changeList = (name: string, body: Partial<T.HashList>) => this.call<T.HashList>('PATCH', `/lists/${part(name)}`, { json: body });
  removeList = (name: string) => this.call<void>('DELETE', `/lists/${part(name)}`);
  entries = (name: string, asked: { state?: string; q?: string; limit?: number; cursor?: string }) =>
    this.get<T.Page<T.Entry>>(`/lists/${part(name)}/entries${query(asked)}`);
  addEntries = (name: string, body: { hashes: string[]; method?: string; note?: string }) =>
    this.create<{ added: number; duplicate: number; bad: T.BadLine[] }>(`/lists/${part(name)}/entries`, body);
  dropEntries = (name: string, hashes: string[], method?: string) =>
    this.call<{ dropped: number; missing: number }>('DELETE', `/lists/${part(name)}/entries`, { json: { hashes, method } });
  changeEntry = (name: string, body: { hash: string; method?: string; state: T.EntryState; note?: string }) =>
    this.call<T.Entry>('PATCH', `/lists/${part(name)}/entries`, { json: body });
  importList = (name: string, file: Blob, asked: { format?: string; method?: string }, options: Upload) =>
    this.upload<T.ImportReport>(`/lists/${part(name)}/import${query(asked)}`, file, options);
  exportHref = (name: string, format: 'csv' | 'jsonl') => `${this.base}/lists/${part(name)}/export?format=${format}`;

  // Scans
  scans = (cursor?: string) => this.get<T.Page<T.Scan>>(`/scans${query({ cursor })}`);
  scan = (id: string) => this.get<T.Scan>(`/scans/${part(id)}`);
  startScan = (body: { targets: string[]; lists?: string[]; again?: boolean }) => this.create<{ id: string }>('/scans', body);
  scanItems = (id: string, asked: { decision?: string; limit?: number; cursor?: string }) =>
    this.get<T.Page<T.ScanItem>>(`/scans/${part(id)}/items${query(asked)}`);
  stopScan = (id: string) => this.post<void>(`/scans/${part(id)}/stop`);
  scanFolders = () => this.get<{ folders: string[] }>('/scans/folders');

  // Policy
  policy = () => this.get<T.Policy>('/policy');
  savePolicy = (version: number, body: Omit<T.Policy, 'version' | 'by' | 'at'>) =>
    this.call<T.Policy>('PUT', '/policy', { json: body, headers: { 'If-Match': `"${version}"` } });
  policyVersions = () => this.get<T.Page<T.Policy>>('/policy/versions');

  // People and keys
  accounts = () => this.get<T.Page<T.Account>>('/accounts');
  createAccount = (body: { email: string; roles: T.Role[] }) => this.create<T.Account & T.Reset>('/accounts', body);
  changeAccount = (id: string, body: { roles?: T.Role[]; active?: boolean }) => this.call<T.Account>('PATCH', `/accounts/${part(id)}`, { json: body });
  resetAccount = (id: string, secondFactorToo: boolean) => this.post<T.Reset>(`/accounts/${part(id)}/reset`, { second_factor_too: secondFactorToo });
  names = () => this.get<T.Page<{ who: string; name: string }>>('/names');
  keys = () => this.get<T.Page<T.Key>>('/keys');
  createKey = (body: { name: string; scopes: T.Scope[]; expires?: string }) => this.create<{ id: string; key: string }>('/keys', body);
  revokeKey = (id: string) => this.call<void>('DELETE', `/keys/${part(id)}`);

  // Webhooks
  webhooks = () => this.get<T.Page<T.Webhook>>('/webhooks');
  createWebhook = (body: { url: string; events: string[] }) => this.create<{ id: string; secret: string }>('/webhooks', body);
  changeWebhook = (id: string, body: Partial<T.Webhook>) => this.call<T.Webhook>('PATCH', `/webhooks/${part(id)}`, { json: body });
  removeWebhook = (id: string) => this.call<void>('DELETE', `/webhooks/${part(id)}`);
  testWebhook = (id: string) => this.post<{ event: string }>(`/webhooks/${part(id)}/test`);
  attempts = (id: string) => this.get<T.Page<T.Attempt>>(`/webhooks/${part(id)}/attempts`);
  deadLetters = () => this.get<T.Page<T.DeadLetter>>('/dead-letters');
  retryDeadLetter = (id: string) => this.post<void>(`/dead-letters/${part(id)}/retry`);
  dropDeadLetter = (id: string) => this.call<void>('DELETE', `/dead-letters/${part(id)}`);

  // Audit, health, settings
  audit = (asked: { who?: string; what?: string; on?: string; from?: string; to?: string; limit?: number; cursor?: string }) =>
    this.get<T.Page<T.AuditEntry>>(`/audit${query(asked)}`);
  verifyAudit = () => this.post<T.AuditVerdict>('/audit/verify');
  auditExportHref = () => `${this.base}/audit/export`;
  health = () => this.get<T.Health>('/health');
  settings = () => this.get<T.Settings>('/settings');
  changeSettings = (body: { canary_minutes?: number; retention?: Record<string, number>; holding?: Partial<T.Settings['holding']> }) => this.call<T.Settings>('PATCH', '/settings', { json: body });
}

export const api = new Client();
