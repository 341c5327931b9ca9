// The words of the console. Every sentence stands in the catalogue (en.ts) under a key; `t` fills in what varies.
// A key that is not there, or a value that is forgotten, does not compile.
//
// Another language is another catalogue with the same keys. `pseudo` and `pseudo-rtl` are made from English: they show
// what is not in the catalogue, and what breaks when words are longer or run from right to left.
import { en } from './en';
import { pseudo } from './pseudo';

export type Message = string | { readonly one: string; readonly other: string };
export type Key = keyof typeof en;
export type Locale = 'en' | 'pseudo' | 'pseudo-rtl';

type Text<K extends Key> = (typeof en)[K] extends string ? (typeof en)[K] : (typeof en)[K] extends { other: infer O extends string } ? O : never;
type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Needed<K extends Key> = Names<Text<K>> | ((typeof en)[K] extends string ? never : 'n');
type Values<K extends Key> = [Needed<K>] extends [never] ? [] : [values: Record<Needed<K>, string | number>];

let locale: Locale = 'en';
let tag = 'en-GB';
let catalogue: Record<string, Message> = en;
let plurals = new Intl.PluralRules(tag);
let numbers = new Intl.NumberFormat(tag);

// Those that stand alone: for tables of words.
export type PlainKey = { [K in Key]: Values<K> extends [] ? K : never }[Key];

export function useLocale(wanted: string | null) {
  locale = wanted === 'pseudo' || wanted === 'pseudo-rtl' ? wanted : 'en';
  catalogue = locale === 'en' ? en : pseudo(en);
  // Dates and numbers follow the person's own habits where they read the same language.
  const own = typeof navigator === 'undefined' ? '' : navigator.language;
  tag = own.toLowerCase().startsWith('en') ? own : 'en-GB';
  plurals = new Intl.PluralRules(tag);
  numbers = new Intl.NumberFormat(tag);
}
export const localeTag = () => tag;
export const direction = () => (locale === 'pseudo-rtl' ? 'rtl' : 'ltr');
export const language = () => (locale === 'en' ? 'en' : 'en-XA');

export function fill(message: Message, values: Record<string, string | number> = {}): string {
  let text: string;
  if (typeof message === 'string') text = message;
  else text = plurals.select(Number(values.n)) === 'one' ? message.one : message.other;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === 'number' ? numbers.format(value) : value;
  });
}

export function t<K extends Key>(key: K, ...values: Values<K>): string {
  return fill(catalogue[key] ?? key, values[0] as Record<string, string | number> | undefined);
}

// For words that the server chooses (a reason, a check's name): the catalogue's sentence where it has one, else as it came.
export function said(prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return Object.hasOwn(catalogue, key) ? fill(catalogue[key] as Message) : word;
}
export const knows = (prefix: string, word: string) => Object.hasOwn(catalogue, `${prefix}.${word}`);
