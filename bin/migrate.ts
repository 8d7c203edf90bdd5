/** npm run migrate: brings the database up to this version. npm start does so by itself. */
import { migrate } from '../db/core/migrate.ts';
import { StartError } from './serve/start-error.ts';
import { readArguments, runProgram, useDatabase } from './serve/use-database.ts';

const HELP = `Usage: npm run migrate [-- --data-dir <directory>]

Applies missing migrations to the database of DATABASE_URL, or of the running npm start. Safe to repeat. With
DATABASE_OWNER_URL as that role, and the role of DATABASE_URL gets its rights.`;

await runProgram(async () => {
  const { words, flags } = readArguments('migrate');
  if (flags.help === true) return console.log(HELP);
  if (words.length > 0) throw new StartError('npm run migrate takes no arguments; see --help.');
  await useDatabase(flags, async (pool, { databaseUrl }) => {
    const { applied } = await migrate(pool, databaseUrl);
    console.log(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to apply.');
  });
});
