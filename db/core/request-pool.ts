/**
 * The API's pool, shared out to its requests, and the worker's, to its projects: a project cannot take every connection, nor can the requests for one object,
 * which wait for each other where they lock it. What a client that left was reading is given up.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { ProjectId } from '../../wire/ids.ts';
import type { Bounds, Pool, Tx } from './pool.ts';
import { poolOf } from './pool.ts';
import type { Owner } from './connection-shares.ts';
import { createShares } from './connection-shares.ts';
import { currentScope, inProject, WHOLE_DATABASE } from './row-scope.ts';

type RequestScope = {
  projectId: ProjectId;
  /** The object that the path names, if any. */
  objectId: string | undefined;
  /** Aborts when nobody waits for the answer any more; absent of requests that must have their effect. */
  abandoned?: AbortSignal;
};

/** Of the free connections: a project alone gets two thirds of the pool, an object's transactions a fifth. */
const PROJECT_SHARE = 2;
const OBJECT_SHARE = 0.25;
/** Longest wait of a project for its share: hundreds of requests at once are done one after another, and refused only when that takes long. */
const PROJECT_MS = 20_000;

export type RequestPool = {
  /** What it does in `run` counts for that request and sees its project only. Elsewhere it is as the pool beneath. */
  pool: Pool;
  run: <T>(scope: RequestScope, work: () => T) => T;
};

/** One of the pool's `max` connections is left to what serves all requests, such as the event feed. */
export function createRequestPool(pool: Pool, max: number, bounds: Bounds): RequestPool {
  const scopes = new AsyncLocalStorage<RequestScope>();
  const take = createShares(max - 1);

  const connect = async (alone: boolean) => {
    const scope = scopes.getStore();
    if (scope === undefined) return pool.connect();
    const owners: Owner[] = [{ name: scope.projectId, factor: PROJECT_SHARE, ms: PROJECT_MS }];
    if (!alone && scope.objectId !== undefined) {
      owners.push({ name: scope.objectId, factor: OBJECT_SHARE, ms: bounds.lockMs });
    }
    return connectWith(pool, await take(owners, scope.abandoned));
  };

  const abandoned = () => scopes.getStore()?.abandoned;
  return {
    pool: poolOf({ bounds, end: () => pool.end() }, connect, abandoned),
    run: (scope, work) => scopes.run(scope, () => inProject(scope.projectId, work)),
  };
}

/** The pool, shared out to the projects that statements name. What names none waits for no share. */
export function createWorkPool(pool: Pool, max: number, bounds: Bounds): Pool {
  const take = createShares(max - 1);
  const connect = async () => {
    const scope = currentScope();
    if (scope === undefined || scope === WHOLE_DATABASE) return pool.connect();
    const owner = { name: scope, factor: PROJECT_SHARE, ms: bounds.lockMs };
    return connectWith(pool, await take([owner]));
  };
  return poolOf({ bounds, end: () => pool.end() }, connect);
}

/** A connection that gives its share back when it is released. */
async function connectWith(pool: Pool, giveBack: () => void): Promise<Tx> {
  try {
    const client = await pool.connect();
    const release = client.release.bind(client);
    client.release = (destroy) => {
      release(destroy);
      giveBack();
    };
    return client;
  } catch (error) {
    giveBack();
    throw error;
  }
}
