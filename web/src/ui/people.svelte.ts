// Names for the ids that the server keeps: "account:…" and "key:…". Asked once; an id that nobody has any more stays as it is.
import { api } from '../api/client';

let names = $state<Record<string, string>>({});
let asked: Promise<void> | null = null;

function ask() {
  asked ??= api.names().then(
    (page) => {
      names = Object.fromEntries(page.items.map((one) => [one.who, one.name]));
    },
    () => undefined,
  );
}
// Somebody came or went: asked again at the next name.
export function forgetNames() {
  asked = null;
}
export function nameOf(who: string | undefined | null): string {
  if (!who) return '';
  const known = names[who];
  if (known === undefined) ask();
  return known ?? who;
}
