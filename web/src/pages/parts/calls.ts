// The call that does what the page does, for a programmer to take along. The key is read from the environment; only where a key
// was made a moment ago does it stand in the call.
export type Asked = { kind: 'file'; name?: string } | { kind: 'hashes'; hashes: string[] } | { kind: 'link'; url: string };

// In single quotes a shell takes everything as it is, but for the quote itself.
const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const some = (hashes: string[]) => (hashes.length ? hashes.slice(0, 3) : ['d41d8cd98f00b204e9800998ecf8427e']);
const link = (url: string) => url || 'https://example.org/picture.jpg';
const named = (asked: { name?: string }) => asked.name ?? 'picture.jpg';
const jsonAsked = (asked: Exclude<Asked, { kind: 'file' }>): [string, unknown] => (asked.kind === 'hashes' ? ['check/hash', { hashes: some(asked.hashes) }] : ['check/url', { url: link(asked.url) }]);

export function curl(origin: string, asked: Asked, key?: string): string {
  const head = `curl --fail-with-body \\\n  -H ${key ? shell(`Authorization: Bearer ${key}`) : '"Authorization: Bearer $RUSHLIGHT_KEY"'} \\\n  `;
  if (asked.kind === 'file') return `${head}-F ${shell(`file=@${named(asked)}`)} \\\n  ${origin}/api/v1/check`;
  const [path, body] = jsonAsked(asked);
  return `${head}-H 'Content-Type: application/json' \\\n  -d ${shell(JSON.stringify(body))} \\\n  ${origin}/api/v1/${path}`;
}

export function python(origin: string, asked: Asked): string {
  const head = `import os, requests\n\nanswer = requests.post(\n`;
  const headers = `    headers={"Authorization": "Bearer " + os.environ["RUSHLIGHT_KEY"]},\n`;
  const tail = `    timeout=60,\n)\nanswer.raise_for_status()\nprint(answer.json()["action"])`;
  if (asked.kind === 'file') return `${head}    "${origin}/api/v1/check",\n${headers}    files={"file": open(${JSON.stringify(named(asked))}, "rb")},\n${tail}`;
  const [path, body] = jsonAsked(asked);
  return `${head}    "${origin}/api/v1/${path}",\n${headers}    json=${JSON.stringify(body)},\n${asked.kind === 'hashes' ? tail.replace('["action"]', '["results"]') : tail}`;
}

// Node 20 or newer; a browser must never hold a key.
export function javascript(origin: string, asked: Asked): string {
  const head = asked.kind === 'file' ? `import { openAsBlob } from 'node:fs';\n\nconst form = new FormData();\nform.set('file', await openAsBlob(${JSON.stringify(named(asked))}), ${JSON.stringify(named(asked))});\n` : '';
  const [path, body] = asked.kind === 'file' ? ['check', null] : jsonAsked(asked);
  const headers = asked.kind === 'file' ? '' : `, 'Content-Type': 'application/json'`;
  return `${head}const answer = await fetch('${origin}/api/v1/${path}', {\n  method: 'POST',\n  headers: { Authorization: \`Bearer \${process.env.RUSHLIGHT_KEY}\`${headers} },\n  body: ${asked.kind === 'file' ? 'form' : `JSON.stringify(${JSON.stringify(body)})`},\n  signal: AbortSignal.timeout(60_000),\n});\nif (!answer.ok) throw new Error(await answer.text());\nconsole.log((await answer.json()).${asked.kind === 'hashes' ? 'results' : 'action'});`;
}

export function go(origin: string, asked: Asked): string {
  const file = asked.kind === 'file';
  const [path, body] = file ? ['check', null] : jsonAsked(asked);
  const imports = file ? ['bytes', 'fmt', 'io', 'mime/multipart', 'net/http', 'os', 'time'] : ['fmt', 'io', 'net/http', 'os', 'strings', 'time'];
  const made = file
    ? `\tvar body bytes.Buffer\n\tform := multipart.NewWriter(&body)\n\tpart, err := form.CreateFormFile("file", ${JSON.stringify(named(asked as { name?: string }))})\n\tcheck(err)\n\tfile, err := os.Open(${JSON.stringify(named(asked as { name?: string }))})\n\tcheck(err)\n\t_, err = io.Copy(part, file)\n\tcheck(err)\n\tcheck(form.Close())\n`
    : `\tbody := strings.NewReader(${JSON.stringify(JSON.stringify(body))})\n`;
  return `package main\n\nimport (\n${imports.map((one) => `\t"${one}"\n`).join('')})\n\nfunc check(err error) {\n\tif err != nil {\n\t\tpanic(err)\n\t}\n}\n\nfunc main() {\n${made}\trequest, err := http.NewRequest("POST", "${origin}/api/v1/${path}", ${file ? '&body' : 'body'})\n\tcheck(err)\n\trequest.Header.Set("Authorization", "Bearer "+os.Getenv("RUSHLIGHT_KEY"))\n\trequest.Header.Set("Content-Type", ${file ? 'form.FormDataContentType()' : '"application/json"'})\n\tanswer, err := (&http.Client{Timeout: time.Minute}).Do(request)\n\tcheck(err)\n\tdefer answer.Body.Close()\n\ttext, err := io.ReadAll(answer.Body)\n\tcheck(err)\n\tfmt.Println(answer.Status, string(text)) // act on "action"\n}`;
}

export const LANGUAGES = [
  { value: 'curl', label: 'curl', call: (origin: string, asked: Asked) => curl(origin, asked) },
  { value: 'python', label: 'Python', call: python },
  { value: 'javascript', label: 'JavaScript', call: javascript },
  { value: 'go', label: 'Go', call: go },
] as const;
