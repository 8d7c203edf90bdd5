/** TLS and the API key for a remote Temporal server. The variables have the names that Temporal's own tools use. */
import { readFileSync } from 'node:fs';

import { ConfigError, oneOf } from './values.ts';

/** What connections of the SDK take beside the address. */
export type TemporalSecurity = {
  readonly tls?: {
    readonly serverRootCACertificate?: Buffer;
    readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
    readonly serverNameOverride?: string;
  };
  readonly apiKey?: string;
};

/**
 * A key, a file or a name turns TLS on, as does `TEMPORAL_TLS=true`; `false` keeps it off. The development server on this
 * computer has neither, so without an address nothing counts. Throws ConfigError.
 */
export function temporalSecurity(text: (name: string) => string | undefined): TemporalSecurity {
  const apiKey = text('TEMPORAL_API_KEY');
  const tls = readTls(text);
  const wanted = oneOf(
    'TEMPORAL_TLS',
    text('TEMPORAL_TLS') ?? String(apiKey !== undefined || Object.keys(tls).length > 0),
    ['true', 'false'],
  );
  if (text('TEMPORAL_ADDRESS') === undefined) return {};
  return {
    ...(wanted === 'true' ? { tls } : {}),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

function readTls(text: (name: string) => string | undefined): NonNullable<TemporalSecurity['tls']> {
  const file = (name: string) => {
    const path = text(name);
    return path === undefined ? undefined : readPem(name, path);
  };
  const serverRootCACertificate = file('TEMPORAL_TLS_SERVER_CA_CERT_PATH');
  const crt = file('TEMPORAL_TLS_CLIENT_CERT_PATH');
  const key = file('TEMPORAL_TLS_CLIENT_KEY_PATH');
  const serverNameOverride = text('TEMPORAL_TLS_SERVER_NAME');
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

function readPem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${name} names a file that cannot be read: ${(error as Error).message}.`);
  }
}
