/**
 * Tries the servers that the settings name before any part starts: a mistake shows at once, and no start delays the
 * event loop, which would look like a server that does not answer.
 */
import type { Config } from '../../config/config.ts';
import { weaknessOfRole } from '../../db/core/app-role.ts';
import { createPool } from '../../db/core/pool.ts';
import { temporalHealth } from '../../embedded/temporal/health.ts';
import { StartError, reasonOf } from './start-error.ts';

const CHECK_MS = 10_000;

/** Throws StartError when DATABASE_URL or TEMPORAL_ADDRESS is set and cannot be used. */
export async function checkGivenServers(config: Config): Promise<void> {
  const { databaseUrl, temporalAddress } = config;
  await Promise.all([
    databaseUrl === undefined ? undefined : checkDatabase(databaseUrl),
    temporalAddress === undefined ? undefined : checkTemporal(temporalAddress, config),
  ]);
}

/** Returns why its role is a bad choice, if it is. Throws StartError. */
export async function checkDatabase(url: string): Promise<string | undefined> {
  const pool = createPool(url, { max: 1, applicationName: 'threadmill-check' });
  try {
    return await weaknessOfRole(pool);
  } catch (error) {
    throw new StartError(
      `DATABASE_URL cannot be used (${reasonOf(error)}): correct its host, port, user, password or database, ` +
        `or unset it to use the embedded database.`,
    );
  } finally {
    await pool.end();
  }
}

/** Throws StartError. */
export async function checkTemporal(
  address: string,
  { temporalNamespace: namespace, temporalSecurity }: Config,
): Promise<void> {
  const { state, reason } = await temporalHealth(address, namespace, CHECK_MS, temporalSecurity);
  if (state === 'no answer') {
    throw new StartError(
      `No Temporal server answers at TEMPORAL_ADDRESS ${address}${reason && ` (${reason})`}: start it, correct the ` +
        `address (host:port) or the TEMPORAL_TLS settings, or unset it to use a local one.`,
    );
  }
  if (state === 'refused') {
    throw new StartError(
      `The Temporal server at ${address} refuses us: correct TEMPORAL_API_KEY or TEMPORAL_NAMESPACE.`,
    );
  }
  if (state === 'no namespace') {
    throw new StartError(
      `The Temporal server at ${address} has no namespace '${namespace}': create it with ` +
        `temporal operator namespace create --namespace ${namespace}, or set TEMPORAL_NAMESPACE.`,
    );
  }
}
