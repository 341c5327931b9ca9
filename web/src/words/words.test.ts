import { afterEach, describe, expect, it } from 'vitest';
import { en } from './en';
import { pseudo, pseudoText } from './pseudo';
import { direction, fill, language, said, t, useLocale } from './words';
import { ago, bytes, duration, tick } from './format';

afterEach(() => useLocale(null));

describe('the catalogue', () => {
  it('fills in what varies, and numbers as people write them', () => {
    expect(t('keys.revoke.of', { name: 'upload' })).toBe('Revoke upload');
    expect(t('table.rows', { n: 12_345 })).toBe('12,345 rows');
  });
  it('counts', () => {
    expect(t('table.rows', { n: 1 })).toBe('1 row');
    expect(t('table.rows', { n: 0 })).toBe('0 rows');
  });
  it('leaves a value alone that looks like a placeholder', () => {
    expect(t('keys.revoke.of', { name: '{n} $1' })).toBe('Revoke {n} $1');
  });
  it('says a word of the server by the catalogue, or as it came', () => {
    expect(said('decision', 'near')).toBe('Near');
    expect(said('decision', 'constructor')).toBe('constructor');
    expect(said('reason', 'made up')).toBe('made up');
  });
  it('has both forms of each message that counts, with the same values', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).filter((name) => name !== 'n').sort();
    for (const [key, message] of Object.entries(en) as [string, string | { one: string; other: string }][]) {
      if (typeof message !== 'string') expect(names(message.one), key).toEqual(names(message.other));
    }
  });
  it('holds no straight apostrophe and no space at an end', () => {
    for (const [key, message] of Object.entries(en) as [string, string | { one: string; other: string }][]) {
      for (const text of typeof message === 'string' ? [message] : [message.one, message.other]) {
        expect(text, key).not.toMatch(/'|^\s|\s$/);
        expect(text.length, key).toBeGreaterThan(0);
      }
    }
  });
});

describe('the made-up language', () => {
  it('changes every letter, is longer, and keeps the values', () => {
    const text = pseudoText('Revoke {name}');
    expect(text).toMatch(/^⟦.*⟧$/);
    expect(text).toContain('{name}');
    expect(text.replace('{name}', '')).not.toMatch(/[a-z]/i);
    expect(text.length).toBeGreaterThan('Revoke {name}'.length * 1.3);
  });
  it('covers every key', () => {
    expect(Object.keys(pseudo(en))).toEqual(Object.keys(en));
  });
  it('runs from right to left where asked', () => {
    useLocale('pseudo-rtl');
    expect(direction()).toBe('rtl');
    expect(language()).toBe('en-XA');
    expect(t('rail.signout')).toMatch(/^⟦/);
    useLocale('klingon');
    expect(direction()).toBe('ltr');
    expect(t('rail.signout')).toBe('Sign out');
  });
});

describe('numbers and times', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  it('says how long ago, and how long to go', () => {
    expect(ago('2026-11-24T11:59:57Z', now)).toBe('just now');
    expect(ago('2026-11-24T11:55:00Z', now)).toBe('5 minutes ago');
    expect(ago('2026-11-27T12:00:00Z', now)).toBe('in 3 days');
    expect(ago(null, now)).toBe('never');
    expect(ago('no time', now)).toBe('never');
  });
  it('says sizes in steps of a thousand', () => {
    expect(bytes(0)).toBe('0 bytes');
    expect(bytes(1)).toBe('1 byte');
    expect(bytes(1500)).toBe('1.5 kB');
    expect(bytes(2_000_000_000)).toBe('2 GB');
  });
  it('says spans', () => {
    expect(duration(1)).toBe('1 second');
    expect(duration(90)).toBe('2 minutes');
    expect(duration(72 * 3600)).toBe('3 days');
  });
  it('marks hours within a day, days beyond', () => {
    expect(tick(new Date(now), 86_400)).toMatch(/\d\d:\d\d/);
    expect(tick(new Date(now), 30 * 86_400)).toBe('24 Nov');
  });
  it('fills both forms by the number', () => {
    expect(fill({ one: '{n} thing', other: '{n} things' }, { n: 2 })).toBe('2 things');
  });
});
