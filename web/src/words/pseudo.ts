// A made-up language: each message in brackets, its letters accented, about 40 % longer. {values} stay as they are.
const ACCENTED: Record<string, string> = Object.fromEntries(
  [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter, i) => [letter, [...'áƀçđéƒǧĥíĵķļɱñóƥɋřšŧúṽŵẋýžÁƁÇĐÉƑǦĤÍĴĶĻṀÑÓƤɊŘŠŦÚṼŴẊÝŽ'][i] ?? letter]),
);

export function pseudoText(text: string): string {
  const bare = text.replace(/\{\w+\}/g, '');
  const accented = text.replace(/\{\w+\}|[a-z]/gi, (piece) => (piece.length > 1 ? piece : (ACCENTED[piece] ?? piece)));
  const words = Math.ceil((bare.length * 0.4) / 4);
  return `⟦${accented}${words ? ` ${Array(words).fill('ẋẋẋ').join(' ')}` : ''}⟧`;
}

export function pseudo<M extends Record<string, string | { readonly one: string; readonly other: string }>>(catalogue: M): Record<string, M[keyof M]> {
  return Object.fromEntries(
    Object.entries(catalogue).map(([key, message]) => [
      key,
      typeof message === 'string' ? pseudoText(message) : { one: pseudoText(message.one), other: pseudoText(message.other) },
    ]),
  ) as Record<string, M[keyof M]>;
}
