// Numbers, sizes, times and durations as a person reads them, by Intl.
import { localeTag, t } from './words';

const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();
function made<F extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(name: string, make: (tag: string) => F): F {
  const key = `${localeTag()} ${name}`;
  const known = formats.get(key) as F | undefined;
  if (known) return known;
  const format = make(localeTag());
  formats.set(key, format);
  return format;
}

export const number = (value: number) => made('number', (tag) => new Intl.NumberFormat(tag)).format(value);
export const compact = (value: number) =>
  made('compact', (tag) => new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 })).format(value);
export const percent = (share: number) => made('percent', (tag) => new Intl.NumberFormat(tag, { style: 'percent' })).format(share);

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
export function bytes(value: number): string {
  let step = 0;
  while (value >= 1000 && step + 1 < SIZES.length) {
    value /= 1000;
    ++step;
  }
  const unit = SIZES[step] ?? 'byte';
  return made(unit, (tag) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: step ? 'short' : 'long', maximumFractionDigits: step ? 1 : 0 })).format(value);
}

const valid = (time: string | null | undefined): Date | null => {
  const at = time ? new Date(time) : null;
  return at && !Number.isNaN(at.getTime()) ? at : null;
};

// "24 Nov 2026, 12:15:03"
export function moment(time: string | null | undefined): string {
  const at = valid(time);
  return at ? made('moment', (tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'medium' })).format(at) : t('time.never');
}
// For the ticks of a chart: the hour within a day, else the day.
export function tick(time: Date, spanSeconds: number): string {
  return spanSeconds <= 2 * 86400
    ? made('hour', (tag) => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' })).format(time)
    : made('day', (tag) => new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'short' })).format(time);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60],
];
// "5 minutes ago", "in 3 hours"
export function ago(time: string | null | undefined, now = Date.now()): string {
  const at = valid(time);
  if (!at) return t('time.never');
  const seconds = (at.getTime() - now) / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  const amount = Math.round(seconds / size);
  if (unit === 'second' && Math.abs(amount) < 10) return t('time.now');
  return made('ago', (tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })).format(amount, unit);
}

export function duration(seconds: number): string {
  const of = (value: number, unit: string) =>
    made(`for ${unit}`, (tag) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 1 })).format(value);
  if (seconds < 90) return of(Math.round(seconds * 10) / 10, 'second');
  if (seconds < 5400) return of(Math.round(seconds / 60), 'minute');
  if (seconds < 129_600) return of(Math.round(seconds / 3600), 'hour');
  return of(Math.round(seconds / 86400), 'day');
}
