/** A process that starts an embedded server and then waits to be killed: `starter.ts postgres|temporal <data dir>`. */
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';

const [kind, dataDir = ''] = process.argv.slice(2);
if (kind === 'postgres') await startEmbeddedPostgres({ dataDir });
else await startTemporalServer({ dataDir, uiPort: 0, searchAttributes: { RunStatus: 'Keyword' } });
console.log('started');
process.stdin.resume();
