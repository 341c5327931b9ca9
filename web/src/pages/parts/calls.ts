// The call that does what the page does, for a programmer to take along. The key is a placeholder: the page knows none.
export type Asked = { kind: 'file'; name?: string } | { kind: 'hashes'; hashes: string[] } | { kind: 'link'; url: string };

const KEY = '$RUSHLIGHT_KEY';
// In single quotes a shell takes everything as it is, but for the quote itself.
const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const some = (hashes: string[]) => (hashes.length ? hashes.slice(0, 3) : ['d41d8cd98f00b204e9800998ecf8427e']);
const link = (url: string) => url || 'https://example.org/picture.jpg';

export function curl(origin: string, asked: Asked): string {
  const head = `curl --fail-with-body \\\n  -H "Authorization: Bearer ${KEY}" \\\n  `;
  if (asked.kind === 'file') return `${head}-F ${shell(`file=@${asked.name ?? 'picture.jpg'}`)} \\\n  ${origin}/api/v1/check`;
  const [path, body] = asked.kind === 'hashes' ? ['check/hash', { hashes: some(asked.hashes) }] : ['check/url', { url: link(asked.url) }];
  return `${head}-H 'Content-Type: application/json' \\\n  -d ${shell(JSON.stringify(body))} \\\n  ${origin}/api/v1/${path}`;
}

export function python(origin: string, asked: Asked): string {
  const head = `import os, requests\n\n`;
  const headers = `    headers={"Authorization": "Bearer " + os.environ["RUSHLIGHT_KEY"]},\n`;
  const tail = `    timeout=60,\n)\nanswer.raise_for_status()\nprint(answer.json())`;
  const body =
    asked.kind === 'file'
      ? `    "${origin}/api/v1/check",\n${headers}    files={"file": open(${JSON.stringify(asked.name ?? 'picture.jpg')}, "rb")},\n`
      : asked.kind === 'hashes'
        ? `    "${origin}/api/v1/check/hash",\n${headers}    json={"hashes": ${JSON.stringify(some(asked.hashes))}},\n`
        : `    "${origin}/api/v1/check/url",\n${headers}    json={"url": ${JSON.stringify(link(asked.url))}},\n`;
  return `${head}answer = requests.post(\n${body}${tail}`;
}
