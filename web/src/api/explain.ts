// A problem in words: what happened, what was kept, what to do. The server's own detail is shown as it came.
import { duration } from '../words/format';
import { t, type PlainKey } from '../words/words';
import type { Problem } from './client';

const HAPPENED: Record<string, PlainKey> = {
  offline: 'error.offline', malformed: 'error.malformed', unauthorised: 'error.unauthorised', forbidden: 'error.forbidden',
  'not-found': 'error.not-found', 'method-not-allowed': 'error.malformed', conflict: 'error.conflict', 'too-large': 'error.too-large',
  unsupported: 'error.unsupported', invalid: 'error.invalid', 'rate-limited': 'error.rate-limited', unavailable: 'error.unavailable',
  'unreadable-answer': 'error.unreadable-answer',
};
const TODO: Record<string, PlainKey> = {
  offline: 'error.offline.do', unauthorised: 'error.unauthorised.do', forbidden: 'error.forbidden.do', 'not-found': 'error.not-found.do',
  conflict: 'error.conflict.do', 'too-large': 'error.too-large.do', unsupported: 'error.unsupported.do', invalid: 'error.invalid.do',
};

export interface Told {
  happened: string;
  detail: string;
  kept: string;
  todo: string;
}

export function explain(problem: Problem): Told {
  const known = problem && typeof problem.kind === 'string' ? problem.kind : '';
  const unsure = known === 'offline' || known === 'unreadable-answer' || problem.status >= 500;
  let todo = t(TODO[known] ?? 'error.other.do');
  if (problem.retryAfter !== null && problem.retryAfter !== undefined) todo = t('error.wait', { time: duration(Math.max(1, problem.retryAfter)) });
  return {
    happened: t(HAPPENED[known] ?? 'error.other'),
    detail: known ? problem.detail || problem.title : String((problem as Error)?.message ?? ''),
    kept: !problem.changing ? t('error.kept.read') : unsure ? t('error.kept.unsure') : t('error.kept.nothing'),
    todo,
  };
}
