// What the server says and what it is told, as docs/API.md has it. Times are RFC 3339 in UTC; ids are opaque strings.

export type Role = 'viewer' | 'analyst' | 'reviewer' | 'reporter' | 'steward' | 'responder' | 'admin';
export const ROLES: Role[] = ['viewer', 'analyst', 'reviewer', 'reporter', 'steward', 'responder', 'admin'];
export type Scope = 'check' | 'lists' | 'scans' | 'cases' | 'read' | 'admin';
export const SCOPES: Scope[] = ['check', 'lists', 'scans', 'cases', 'read', 'admin'];

export type Decision = 'exact' | 'near' | 'none' | 'unreadable' | 'skipped';
export type Action = 'allow' | 'hold' | 'block';
export const ACTIONS: Action[] = ['allow', 'hold', 'block'];
export type Method = 'md5' | 'sha1' | 'sha256' | 'pdq' | 'vpdq' | 'photodna';
export type EntryState = 'active' | 'quarantined' | 'disabled';

export interface Page<T> {
  items: T[];
  next: string | null;
}

// Set-up and session
export interface Profile {
  id: string;
  name: string;
  what: string;
  holding: boolean;
  hours: number;
}
export interface SetupState {
  needed: boolean;
  profiles: Profile[];
  key_file: string;
}
export interface Me {
  id: string;
  email: string;
  roles: Role[];
  second_factor?: boolean;
}
export interface Session {
  account: Me;
  csrf: string;
  profile?: string;
  version?: string;
}
export interface MySession {
  id: string;
  made: string;
  used: string;
  ends: string;
  this: boolean;
}

// Checks
export interface Match {
  list: string;
  entry: string;
  method: Method;
  distance?: number;
  threshold?: number;
  orientation?: string;
  category?: string;
  state?: EntryState;
  kind?: 'known' | 'negative';
  shares?: { query: number; listed: number };
}
export interface Suppressed extends Match {
  by?: string;
  why?: string;
}
export interface Answer {
  id?: string;
  decision: Decision;
  matches: Match[];
  suppressed: Suppressed[];
  type?: string;
  bytes?: number;
  width?: number;
  height?: number;
  md5?: string;
  sha1?: string;
  sha256?: string;
  pdq?: string;
  quality?: number;
  action?: Action; // a scan's items have none
  why?: string;
  case?: string | null;
  reason?: string | null;
  message?: string;
  receipt?: unknown;
  url?: string;
  final_url?: string;
  hash?: string;
  error?: { code: string; message: string };
}
export interface CheckState {
  id: string;
  state: 'waiting' | 'running' | 'done';
  answer?: Answer;
}
export interface StoredCheck {
  id: string;
  at: string;
  by: string;
  decision: Decision;
  action: Action;
  type?: string;
  bytes?: number;
  sha256?: string;
  pdq?: string;
  matches: Match[];
  context?: Record<string, unknown>;
  held?: boolean;
}
export interface CheckEvent {
  id: string;
  at: string;
  by: string;
  decision: Decision;
  action: Action;
  type?: string;
  bytes?: number;
}

export type Span = 'hour' | 'day' | 'week' | 'month';
export const SPANS: Span[] = ['hour', 'day', 'week', 'month'];
export const SERIES = ['exact', 'near', 'none', 'unreadable', 'blocked', 'held'] as const;
export type Series = (typeof SERIES)[number];
export interface Stats {
  span: Span;
  step_seconds: number;
  series: Record<Series, number[]>;
  from: string;
  to: string;
}
export interface Need {
  what: string;
  count: number;
  href: string;
  severity: 'bad' | 'warn' | 'info' | string;
}
// A trial of the canary: the last one, and when one last succeeded.
export interface Canary {
  ok: boolean;
  at: string;
  ms: number;
  last_ok?: string;
  error?: string;
}
export interface Overview {
  needs_me: Need[];
  today: { checks: number; exact: number; near: number; none: number; unreadable: number };
  lists: { lists: number; entries: number };
  canary: Canary;
  holding: { on: boolean; items: number; bytes: number; quota: number };
  queue: { waiting: number; dead: number };
}
export interface Held {
  id: string;
  sha256: string;
  bytes: number;
  why: string;
  ref?: string; // the check that it came with
  made: string;
  expires: string;
  destroyed?: string | null;
}

// Lists
export interface Thresholds {
  pdq: number;
  vpdq: number;
  vpdq_share: number;
}
export interface HashList {
  name: string;
  kind: 'known' | 'negative';
  category: string;
  source: string;
  thresholds: Thresholds;
  entries: number;
  active: number;
  quarantined: number;
  disabled: number;
  created: string;
  created_by: string;
  changed: string;
  expires?: string;
}
export interface Entry {
  value: string;
  method: Method;
  state: EntryState;
  note?: string;
  who: string;
  when: string;
}
export interface BadLine {
  line: number;
  reason: string;
}
export interface ImportReport {
  list: string;
  format: string;
  read: number;
  added: number;
  duplicate: number;
  bad_lines: number;
  bad: BadLine[];
}

// Scans
export interface ScanSummary {
  items?: number;
  exact?: number;
  near?: number;
  none?: number;
  unreadable?: number;
  skipped?: number;
  seconds?: number;
}
export interface Scan {
  id: string;
  targets: string[];
  state: 'running' | 'done' | 'stopped' | 'failed' | 'elsewhere';
  started: string;
  ended?: string;
  progress?: { files?: number; total?: number; items?: number };
  summary?: ScanSummary;
  error?: string;
}
export interface ScanItem extends Partial<Answer> {
  date?: string;
  item: string;
  decision: Decision;
}

// Policy
export interface Rule {
  list?: string;
  category?: string;
  kind?: 'exact' | 'near';
  action: Action;
  review: boolean;
}
export interface Fallback {
  action: Action;
  review: boolean;
}
export interface Policy {
  version: number;
  by?: string;
  at?: string;
  note: string;
  rules: Rule[];
  fallback: { exact: Fallback; near: Fallback; unreadable: Action };
}

// People and keys
export interface Account {
  id: string;
  email: string;
  roles: Role[];
  active: boolean;
  has_password?: boolean;
  second_factor?: boolean;
  made?: string;
  signed_in?: string;
}
// For a new password, by the link /reset#TOKEN; shown once.
export interface Reset {
  reset_token: string;
  reset_expires: string;
}
export interface Key {
  id: string;
  name: string;
  scopes: Scope[];
  made?: string;
  made_by?: string;
  used?: string;
  expires?: string;
  revoked?: string;
}

// Webhooks
export interface Webhook {
  id: string;
  url: string;
  events: string[]; // none: all
  state: 'active' | 'paused';
  why_paused?: string;
  made?: string;
}
export interface Attempt {
  event: string; // the event's id
  type: string;
  attempt: number;
  at: string;
  ms: number;
  status: number; // 0: no answer
  delivered: boolean;
  why: string;
}
export interface DeadLetter {
  id: string;
  kind: string;
  url?: string; // of the webhook, where it is a message
  attempts: number;
  died: string;
  why: string;
}

// Audit
export interface AuditEntry {
  number: string;
  at: string;
  who: string;
  what: string;
  on: { kind: string; id: string };
  detail?: unknown;
}
export interface AuditVerdict {
  entries: number;
  ok: boolean;
  first_bad: number | string | null;
}

// Health and settings
export interface HealthCheck {
  check: string;
  ok: boolean;
  found: string;
  do?: string | null;
}

export interface Health {
  checks: HealthCheck[];
  canary: Canary & { history: Canary[] };
  store?: { where: string; schema: number | string };
  disk?: { free: number };
  version: string;
  started: string;
}
export interface Settings {
  profile: string;
  holding: { on: boolean; hours: number; quota_mb: number };
  canary_minutes: number;
  retention?: Record<string, number>; // days; 0: for ever
}
