/**
 * Gives Temporal a role of its own that owns its two databases and cannot connect to Threadmill's. It runs as a superuser before
 * the schema is set up, and may be repeated. Databases that were made before become the role's.
 */
import { loadConfig } from '../config/config.ts';
import { readSecret } from '../config/read-settings.ts';
import { ensureRole } from '../db/core/app-role.ts';
import { createPool, query, withTransaction } from '../db/core/pool.ts';

const ROLE = 'temporal';
const DATABASES = ['temporal', 'temporal_visibility'];

/** What a superuser owns in a database of Temporal, without the parts of extensions. */
const TAKE_OVER = `do $$ declare statement text; begin
  for statement in
    select format('alter %s %s owner to ${ROLE}', case relkind when 'v' then 'view' else 'table' end, oid::regclass)
      from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
      and relowner <> '${ROLE}'::regrole and not exists (select from pg_depend where objid = c.oid and deptype = 'e')
    union all
    select format('alter routine %s owner to ${ROLE}', oid::regprocedure)
      from pg_proc p where pronamespace = 'public'::regnamespace
      and proowner <> '${ROLE}'::regrole and not exists (select from pg_depend where objid = p.oid and deptype = 'e')
  loop execute statement; end loop;
end $$`;

const { databaseOwnerUrl: url } = loadConfig();
const password = readSecret(process.env, 'TEMPORAL_DATABASE_PASSWORD');
if (url === undefined || password === undefined) {
  throw new Error('DATABASE_OWNER_URL and TEMPORAL_DATABASE_PASSWORD must be set.');
}
const existing = await makeRole(url, password);
for (const name of existing) await takeOver(url, name);
console.log(`The role ${ROLE} is ready.`);

/** Returns the databases that are there already. */
async function makeRole(ownerUrl: string, secret: string): Promise<string[]> {
  const pool = createPool(ownerUrl, { max: 1, applicationName: 'threadmill-roles' });
  try {
    await withTransaction(pool, async (tx) => {
      await ensureRole(tx, { name: ROLE, password: secret });
      await tx.query(`alter role ${ROLE} createdb`);
      const { rows } = await tx.query<{ name: string }>(
        'select quote_ident(current_database()) as name',
      );
      await tx.query(`revoke connect on database ${rows[0]!.name} from public`);
    });
    const found = 'select datname as name from pg_database where datname = any($1::text[])';
    const rows = await query<{ name: string }>(pool, 'roles.databases', found, [DATABASES]);
    for (const { name } of rows) await pool.query(`alter database ${name} owner to ${ROLE}`);
    return rows.map(({ name }) => name);
  } finally {
    await pool.end();
  }
}

async function takeOver(ownerUrl: string, name: string): Promise<void> {
  const { href } = Object.assign(new URL(ownerUrl), { pathname: `/${name}` });
  const pool = createPool(href, { max: 1, applicationName: 'threadmill-roles' });
  try {
    await pool.query(TAKE_OVER);
  } finally {
    await pool.end();
  }
}
