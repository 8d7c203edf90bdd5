/** The `content-disposition` of a download. */

/** Longest name put into the header, in characters: clients cap the size of all headers. */
const LONGEST = 200;

/**
 * Plain names as the hosted service sent them; others also in the encoded form of RFC 5987, behind a plain one for old
 * clients. What a client could take for a path is replaced.
 */
export function attachment(filename: string): string {
  const characters = Array.from(filename.replaceAll(/[/\\]|\p{Cc}/gu, '_'));
  const name = characters.slice(0, LONGEST).join('').toWellFormed();
  const plain = name.replaceAll(/[^\x20-\x7e]/gu, '_').replaceAll('"', "'");
  if (plain === name) return `attachment; filename="${plain}"`;
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
