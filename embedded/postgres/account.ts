/**
 * Chooses the operating system user that runs PostgreSQL. The server refuses to run as root, so root starts it as the owner
 * of the existing data, else as `postgres`, else as `nobody`. Any other user runs it under the same account.
 */
import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { EmbeddedError } from '../error.ts';

/** `uid` and `gid` are set only when root starts the server as another user. */
export type Account = { name: string; uid?: number; gid?: number };

/** @throws EmbeddedError when `directory` belongs to another user */
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
