/** An Office file: parts in an archive. Relations of other parts lead to a part, not its name. */
import { DocumentError } from '../../document.ts';
import type { ParseLimits } from '../../document.ts';
import { readMarkup } from '../markup.ts';
import { decodeText } from '../text/decode.ts';
import { openArchive } from '../zip.ts';
import { readElements } from './elements.ts';
import type { Element } from './elements.ts';

export type Relation = {
  id: string;
  /** The last word of the type's address in lower case, which transitional and strict files share. */
  type: string;
  /** The name of a part, which may be missing. */
  target: string;
};

export type OfficePackage = {
  names: readonly string[];
  /** Yields nothing when the part is missing. */
  read(part: string): AsyncGenerator<Uint8Array>;
  relationsOf(part: string): Promise<Relation[]>;
  /** The name of the main part, or undefined when the file is of another kind. */
  mainPart(kind: Kind): Promise<string | undefined>;
};

export type Kind = {
  /** Matches the content type of the main part. */
  contentType: RegExp;
  /** Matches the usual name, for files without relations and content types. */
  name: RegExp;
  /** The outermost element of the main part. */
  root: string;
};

const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex');

export function openPackage(bytes: Buffer, limits: ParseLimits): OfficePackage {
  if (bytes.subarray(0, OLE.length).equals(OLE)) {
    throw new DocumentError(
      'invalid_file',
      'The file is protected with a password, or of an older format.',
    );
  }
  const archive = openArchive(bytes, limits);
  /** References differ from names in case, and some programs write backslashes. */
  const known = new Map(archive.names.map((name) => [normal(name), name]));
  const read = (part: string) => archive.read(known.get(normal(part)) ?? part);

  async function relationsOf(part: string): Promise<Relation[]> {
    const [, folder = '', file = ''] = /^(.*\/)?([^/]*)$/s.exec(part) ?? [];
    const relations: Relation[] = [];
    const found = readElements(read(`${folder}_rels/${file}.rels`), new Set(['relationship']));
    for await (const { attributes } of found) {
      const { id = '', type = '', target = '', targetmode } = attributes;
      if (targetmode?.toLowerCase() === 'external') continue;
      const name = type.slice(type.lastIndexOf('/') + 1).toLowerCase();
      relations.push({ id, type: name, target: resolve(folder, target) });
    }
    return relations;
  }

  async function mainPart({ contentType, name, root }: Kind): Promise<string | undefined> {
    const said = (await relationsOf('')).filter(({ type }) => type === 'officedocument');
    const types = readElements(read('[Content_Types].xml'), new Set(['override']));
    const typed: string[] = [];
    for await (const { attributes } of types) {
      if (contentType.test(attributes['contenttype'] ?? '')) {
        typed.push(attributes['partname'] ?? '');
      }
    }
    const named = archive.names.filter((each) => name.test(each));
    for (const part of [...said.map(({ target }) => target), ...typed, ...named]) {
      const real = known.get(normal(part));
      if (real !== undefined && (await rootOf(read(real))) === root) return real;
    }
    return undefined;
  }

  return { names: archive.names, read, relationsOf, mainPart };
}

export function notA(what: string): DocumentError {
  return new DocumentError('invalid_file', `The file is not a ${what}.`);
}

/** The relation id of an element is its `id` with a prefix. */
export function relationId({ attributes }: Element): string {
  const name = Object.keys(attributes).find((each) => each.endsWith(':id'));
  return attributes[name ?? 'id'] ?? '';
}

export function targetsOf(relations: readonly Relation[], ...types: string[]): string[] {
  return relations.filter(({ type }) => types.includes(type)).map(({ target }) => target);
}

function normal(name: string): string {
  return name.replaceAll('\\', '/').replace(/^\//, '').toLowerCase();
}

/** The name of the part that `target` means, seen from a folder. */
export function resolve(folder: string, target: string): string {
  try {
    const { pathname } = new URL(target, `file:///${folder}`);
    return decodeURIComponent(pathname).slice(1);
  } catch {
    return target;
  }
}

async function rootOf(bytes: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  let root: string | undefined;
  const handler = {
    open(name: string) {
      root ??= name;
    },
    close() {},
    text() {},
  };
  for await (const _ of readMarkup(decodeText(bytes), { xml: true }, handler)) {
    if (root !== undefined) break;
  }
  return root;
}
