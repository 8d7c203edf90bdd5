/** TLS and the API key for a remote Temporal server. The variables have the names that Temporal's own tools use. */
import { readFileSync } from 'node:fs';

import type { Settings } from './read-settings.ts';
import { ConfigError } from './values.ts';

/** The options of a connection of the SDK, without the address. */
export type TemporalSecurity = {
  readonly tls?: {
    readonly serverRootCACertificate?: Buffer;
    readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
    readonly serverNameOverride?: string;
  };
  readonly apiKey?: string;
};

/**
 * A key, a file or a name turns TLS on, as does `TEMPORAL_TLS=true`; `false` turns it off. The local development server has
 * no TLS, so the settings count only with an address.
 * @throws ConfigError
 */
export function temporalSecurity(settings: Settings): TemporalSecurity {
  const { temporalApiKey: apiKey, temporalAddress } = settings;
  const tls = readTls(settings);
  if (temporalAddress === undefined) return {};
  const useTls = settings.temporalTls ?? (apiKey !== undefined || Object.keys(tls).length > 0);
  return { ...(useTls ? { tls } : {}), ...(apiKey === undefined ? {} : { apiKey }) };
}

function readTls(settings: Settings): NonNullable<TemporalSecurity['tls']> {
  const serverRootCACertificate = readPem(
    'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    settings.temporalServerCa,
  );
  const crt = readPem('TEMPORAL_TLS_CLIENT_CERT_PATH', settings.temporalClientCert);
  const key = readPem('TEMPORAL_TLS_CLIENT_KEY_PATH', settings.temporalClientKey);
  const serverNameOverride = settings.temporalServerName;
  if ((crt === undefined) !== (key === undefined)) {
    throw new ConfigError(
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH must be set together.',
    );
  }
  return {
    ...(serverRootCACertificate === undefined ? {} : { serverRootCACertificate }),
    ...(crt === undefined || key === undefined ? {} : { clientCertPair: { crt, key } }),
    ...(serverNameOverride === undefined ? {} : { serverNameOverride }),
  };
}

function readPem(name: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${name} names a file that cannot be read: ${(error as Error).message}.`);
  }
}
