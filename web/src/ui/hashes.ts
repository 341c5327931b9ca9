// What a person pasted: one hash a line (commas, semicolons and spaces part them too); what stands behind # is a note.
// A vPDQ value is a JSON array and stays whole. Whether a value is a hash, the server says.
export const MOST_HASHES = 10_000;

export function hashesOf(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const clean = line.replace(/#.*$/, '').trim();
    return clean.startsWith('[') ? [clean] : clean.split(/[\s,;]+/).filter(Boolean);
  });
}

export const linksOf = (text: string): string[] => text.split(/\s+/).filter(Boolean);
