/** Tests by their names in the sources, for whatever refers to a test. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A source's text between the quotes of a string or template. */
const quoted = (name: string) =>
  [`'${name.replaceAll("'", "\\'")}'`, `"${name}"`, `\`${name}\``] as const;

/** Whether a test, or a group of tests, of exactly this name is written in the file. */
export async function testExists(file: string, name: string): Promise<boolean> {
  const source = await readFile(`${ROOT}/${file}`, 'utf8').catch(() => '');
  return quoted(name).some((literal) => new RegExp(`\\(\\s*${escaped(literal)}\\s*,`).test(source));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Matches the names that vitest gives the test: groups come before it, and rows fill in its places. */
export function namePattern(name: string): string {
  const parts = name.split(/%[sidfjo#]|\$[a-zA-Z.]+/).map(escaped);
  return `${parts.join('.*')}$`;
}
