/** The role of the API and the worker: it reads and writes rows, owns nothing, and cannot get around row-level security. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

import pg from 'pg';

import type { Pool, Tx } from './pool.ts';
import { query } from './pool.ts';

type Login = { name: string; password: string };

/** The role that a URL of the database names. */
export function loginOf(url: string): Login {
  const { username, password } = new URL(url);
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/**
 * Gives the role its rights on every table. A superuser also creates it and sets its password; elsewhere it is there already, or
 * the owner may create roles. Nothing happens when the role is the owner itself.
 */
export async function grantAppRole(tx: Tx, login: Login): Promise<void> {
  const { rows } = await tx.query<{ owner: string; schema: string; database: string }>(
    `select current_user as owner, quote_ident(current_schema()) as schema,
       quote_ident(current_database()) as database`,
  );
  const { owner, schema, database } = rows[0]!;
  if (owner === login.name) return;
  const role = await ensureRole(tx, login);
  await tx.query(
    `grant connect on database ${database} to ${role};
     grant usage on schema ${schema} to ${role};
     grant select, insert, update, delete on all tables in schema ${schema} to ${role};
     revoke insert, update, delete on migrations from ${role};
     grant execute on all functions in schema ${schema} to ${role}`,
  );
}

/** A superuser also sets the password of a role that is there. Returns its name for SQL. */
export async function ensureRole(tx: Tx, { name, password }: Login): Promise<string> {
  const { rows } = await tx.query<{ all: boolean; known: boolean }>(
    `select rolsuper as all, exists (select from pg_roles where rolname = $1) as known
     from pg_roles where rolname = current_user`,
    [name],
  );
  const { all, known } = rows[0]!;
  const role = pg.escapeIdentifier(name);
  if (all || !known) {
    const verb = known ? 'alter' : 'create';
    await tx.query(`${verb} role ${role} login password '${scramOf(password)}'`);
  }
  return role;
}

const ROUNDS = 4_096;

/** As the server stores it: a password never stands in a statement, which the server may log. */
function scramOf(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ROUNDS, 32, 'sha256');
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ROUNDS}:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`;
}

/** Why row-level security does not keep projects apart for this connection's role; undefined: it does. */
export async function weaknessOfRole(pool: Pool): Promise<string | undefined> {
  const rows = await query<{ name: string; bypasses: boolean; owns: boolean }>(
    pool,
    'app-role.weakness',
    `select rolname as name, rolsuper or rolbypassrls as bypasses,
       exists (select from pg_class where oid = to_regclass('runs') and relowner = r.oid) as owns
     from pg_roles r where rolname = current_user`,
  );
  const { name, bypasses, owns } = rows[0]!;
  if (!bypasses && !owns) return undefined;
  const verb = bypasses ? 'is exempt from row-level security' : 'owns the tables';
  return `The database role ${name} ${verb}: give DATABASE_URL a role of its own, see docs/upgrade.md`;
}
