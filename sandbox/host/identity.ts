/** The user that Python runs as. A worker that is root must not lend root to the sandbox: an escape would be root too. */
import { readFile } from 'node:fs/promises';
import { SetupError } from './setup.ts';

/** A user id and a group id, both without any rights. */
export type Identity = { uid: number; gid: number };

/** The account that an operator may create for the sandbox alone. */
const DEDICATED_ACCOUNT = 'threadmill-sandbox';
const NOBODY: Identity = { uid: 65_534, gid: 64_000 };

/**
 * Undefined when this process is an ordinary user, whose id the sandbox then shares. For root: the dedicated account,
 * or else `nobody` in a group of its own, so that it shares no group's files with other processes of `nobody`.
 */
export async function sandboxIdentity(): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = (await entries('/etc/passwd')).find(([name]) => name === DEDICATED_ACCOUNT);
  if (account !== undefined) {
    return refuseRoot({ uid: Number(account[2]), gid: Number(account[3]) });
  }
  const taken = new Set((await entries('/etc/group')).map((entry) => Number(entry[2])));
  let { gid } = NOBODY;
  while (taken.has(gid)) gid += 1;
  return { uid: NOBODY.uid, gid };
}

function refuseRoot(identity: Identity): Identity {
  if (identity.uid > 0 && identity.gid > 0) return identity;
  throw new SetupError(
    `The account ${DEDICATED_ACCOUNT} must be neither root nor in root's group.`,
  );
}

async function entries(path: string): Promise<string[][]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.split(':'));
}
