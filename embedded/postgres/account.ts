/**
 * Which operating system user runs PostgreSQL. The server refuses to run as root, so root hands it to the owner of
 * the existing data, else to `postgres`, else to `nobody`. Everybody else runs it as themselves.
 */
import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { EmbeddedError } from '../error.ts';

/** `uid` and `gid` are set only when root steps down to another user. */
export type Account = { name: string; uid?: number; gid?: number };

/** Decides who runs the server on `directory`. Throws EmbeddedError when it belongs to somebody else. */
export async function chooseAccount(directory: string): Promise<Account> {
  const own = process.getuid?.();
  const owner = await stat(directory).then(
    ({ uid, gid }) => ({ uid, gid }),
    () => undefined,
  );
  if (own !== 0) {
    if (owner !== undefined && own !== undefined && owner.uid !== own) {
      throw new EmbeddedError(
        `The database in ${directory} belongs to user id ${owner.uid}: start as that user, or use another --data-dir.`,
      );
    }
    return { name: userInfo().username };
  }
  if (owner !== undefined && owner.uid !== 0) return { name: `user ${owner.uid}`, ...owner };
  return (
    (await lookUp('postgres')) ??
    (await lookUp('nobody')) ?? { name: 'nobody', uid: 65534, gid: 65534 }
  );
}

async function lookUp(name: string): Promise<Account | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = passwd
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
  if (fields === undefined) return undefined;
  return { name, uid: Number(fields[2]), gid: Number(fields[3]) };
}
