/** A statement outside a transaction, which is given up when it takes too long or nobody waits for it any more. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

import type { PoolClient, QueryResult } from 'pg';

import { BusyError, LEFT } from './connection-shares.ts';

/** Runs the statement and releases the client. @throws what the statement threw: 57014 when it was given up; BusyError */
export async function runAlone(
  client: PoolClient,
  statement: (client: PoolClient) => Promise<QueryResult>,
  ms: number | undefined,
  signal: AbortSignal | undefined,
): Promise<QueryResult> {
  let cancelled = false;
  const giveUp = () => {
    cancelled = true;
    cancel(client);
  };
  const late = ms === undefined ? undefined : setTimeout(giveUp, ms);
  signal?.addEventListener('abort', giveUp);
  try {
    if (signal?.aborted === true) throw new BusyError(LEFT);
    return await statement(client);
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', giveUp);
    // A cancel can arrive late: it must not meet the connection's next statement.
    client.release(cancelled);
  }
}

/** What `pg` knows of a connection but does not declare. */
type Session = {
  host: string;
  port: number;
  processID: number;
  secretKey: number;
  connection: { stream: Duplex };
};

const CANCEL_REQUEST = 80_877_102;
/** A server that does not act on it in this time has gone. */
const CANCEL_MS = 2_000;

/**
 * The protocol's cancel, on a connection of its own. It also works through a pooler, which knows the session by these numbers;
 * pg_cancel_backend does not. Like libpq's PQcancel it is sent without TLS, which servers accept.
 */
function cancel(client: PoolClient): void {
  const { host, port, processID, secretKey, connection } = client as unknown as Session;
  const message = Buffer.alloc(16);
  for (const [at, value] of [message.length, CANCEL_REQUEST, processID, secretKey].entries()) {
    message.writeInt32BE(value, at * 4);
  }
  const socket = connect(
    host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
  );
  socket.on('error', () => {}).end(message);
  const gone = setTimeout(() => {
    socket.destroy();
    connection.stream.destroy();
  }, CANCEL_MS);
  connection.stream.once('close', () => clearTimeout(gone));
}
