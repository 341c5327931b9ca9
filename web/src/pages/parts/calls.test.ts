import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curl, go, javascript, python } from './calls';

// Gives the words of a shell line one a line, as a shell reads them.
const words = (line: string): string[] => execFileSync('bash', ['-c', `show() { printf '%s\\0' "$@"; }; RUSHLIGHT_KEY=key; ${line.replace(/^curl/, 'show')}`]).toString().split('\0').slice(0, -1);

const have = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('the call beside the page', () => {
  const nasty = `it's "$(id)" \`id\`; rm -rf.jpg`;
  it('reaches curl whole, whatever a file is called', () => {
    expect(words(curl('https://x.example', { kind: 'file', name: nasty }))).toContain(`file=@${nasty}`);
  });
  it('reaches curl whole, whatever a link says', () => {
    const url = `https://y.example/?a='$HOME'&b="1"`;
    const given = words(curl('https://x.example', { kind: 'link', url }));
    expect(given).toContain(JSON.stringify({ url }));
    expect(given).toContain('Authorization: Bearer key');
    expect(given.at(-1)).toBe('https://x.example/api/v1/check/url');
  });
  it('shows at most three of many hashes', () => {
    const hashes = Array.from({ length: 1000 }, (_, i) => String(i));
    expect(curl('', { kind: 'hashes', hashes })).toContain('["0","1","2"]');
    expect(python('', { kind: 'hashes', hashes })).toContain('["0","1","2"]');
  });
  it('carries a key that was just made, whole', () => {
    expect(words(curl('https://x.example', { kind: 'file' }, "rl_ab'c"))).toContain("Authorization: Bearer rl_ab'c");
  });
  const all = [{ kind: 'file' as const, name: nasty }, { kind: 'hashes' as const, hashes: [] }, { kind: 'link' as const, url: `https://y.example/?a="b"&c='d'` }];
  it.skipIf(!have('python3'))('is Python that can be read', () => {
    for (const asked of all) execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: python('https://x.example', asked) });
  });
  it('is JavaScript that can be read', () => {
    for (const asked of all) execFileSync(process.execPath, ['--check', '--input-type=module', '-'], { input: javascript('https://x.example', asked) });
  });
  it('is Go whose words are closed and whose imports are used', () => {
    for (const asked of all) {
      const text = go('https://x.example', asked);
      for (const [open, shut] of ['()', '{}']) expect(text.split(open as string).length).toBe(text.split(shut as string).length);
      for (const [, name] of text.matchAll(/^\t"(?:\w+\/)?(\w+)"$/gm)) expect(text).toContain(`${name}.`);
    }
  });
});
