/** The names under which a code_interpreter finds its uploads below /mnt/data. Pure. */

/** Bytes that a file name may have on Linux. */
const MAX_NAME_BYTES = 255;
/** Room for a suffix in front of the extension. */
const SUFFIX_BYTES = 8;

/**
 * One name per file: its own, made safe, and with a number where an earlier file has it. Every file is also found under
 * its id, so no name is another file's id.
 */
export function nameFiles(files: { id: string; filename: string }[]): Map<string, string> {
  const taken = new Set(files.map(({ id }) => id));
  const names = new Map<string, string>();
  for (const { id, filename } of files) {
    const name = freeName(safeName(filename), taken);
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

/** The last part of whatever path the client sent, without what no file name can hold. */
function safeName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? '';
  const clean = last
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '_')
    .trim();
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean;
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  const dot = name.lastIndexOf('.');
  const [stem, extension] =
    dot > 0 && name.length - dot <= 20 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  const room = MAX_NAME_BYTES - SUFFIX_BYTES - Buffer.byteLength(extension);
  const short = firstBytes(stem, room);
  let candidate = short + extension;
  for (let number = 2; taken.has(candidate); number++) candidate = `${short}-${number}${extension}`;
  return candidate;
}

function firstBytes(text: string, bytes: number): string {
  let length = 0;
  let kept = '';
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    kept += character;
  }
  return kept;
}
