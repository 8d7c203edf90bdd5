/** The declaration of an operation. Its route, checks, transaction, errors and description follow from it. */
import type { Response } from 'express';
import type { z } from 'zod';

import type { ConfigOf } from '../config/config.ts';
import type { StoredBlob } from '../db/blobs/blobs.ts';
import type { Delivery } from '../db/core/deliveries.ts';
import type { Pool, Tx } from '../db/core/pool.ts';
import { deleted } from '../wire/answers.ts';
import type { IdOf, ProjectId } from '../wire/ids.ts';
import type { Caller, Scope } from '../wire/admin/scopes.ts';
import { scopeOf } from '../wire/admin/scopes.ts';
import type { ApiContext } from './context.ts';
import type { StreamOptions } from './stream-run.ts';

type Names<Path> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;

/** Which kind of id a parameter is depends on the resource, where two name theirs alike. */
type IdParamOf<Route, Name extends string> = Route extends `${string} /batches/${string}`
  ? `batches/${Name}`
  : Name;

/** A request of the operation, checked. */
export type Call<Route extends string, Query, Body> = {
  context: ApiContext;
  pool: Pool;
  caller: Caller;
  /** Of the caller. */
  project: ProjectId;
  /** The ids in the path, in the right form. Whether their objects exist is the handler's question. */
  ids: { [Name in Names<Route>]: IdOf<IdParamOf<Route, Name>> };
  query: Query;
  body: Body;
};

export type Written<Answer> = {
  object: Answer;
  /** Handed to Temporal once the transaction has committed. */
  deliveries?: Delivery[];
  /** The stream of a run starts with the event after this one. */
  beforeSeq?: number;
  /** Project and resource of the audit event, if they differ from the caller's project and `object`. Null: nothing was changed. */
  audited?: { project: ProjectId; resource?: string } | null;
};

export type Declaration<Route extends string, Query, Body, Answer> = {
  /** Method and path below /v1, with `{name}` for a parameter: `GET /threads/{thread_id}`. */
  route: Route;
  /** The published description does not have the operation. */
  extension?: true;
  /** What the key must have. Default: `scopeOf` the method and path. */
  scope?: Scope;
  /**
   * Which limits hold beside that of requests: `run` spends tokens, `search` is one of the searches at once. `exempt`: none,
   * not even that of requests; the default of what administrators do.
   */
  rateClass?: 'exempt' | 'run' | 'search';
  /** The type of its event in the audit log: `thread.deleted`. */
  audit?: string;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** The body is a form with one file, which is stored as it arrives. */
  form?: {
    field: string;
    maxBytes(config: ConfigOf<'api'>): number;
    /** Its bytes were counted for the quota before. */
    reserved?: true;
  };
  /** Refused once the project stores what its quota allows. */
  stores?: true;
  /** Statuses of errors that do not follow from the rest of the declaration. */
  errors?: readonly ErrorStatus[];
  /** Null: the answer is bytes. */
  answer: z.ZodType<Answer> | null;
  /** Takes an Idempotency-Key. */
  idempotent?: true;
  /** Whether a client that polls should ask again soon. */
  polled?(object: Answer): boolean;
  /** Runs before the transaction, and before a form is read: `body` of a form is undefined here. */
  before?(call: Call<Route, Query, Body>): Promise<void>;
  /** Runs without a transaction. It may be given up when the client leaves. */
  read?(call: Call<Route, Query, Body>): Promise<Answer>;
  /** Runs in one transaction, so it touches nothing but `tx`. `blob` is the file of a form. */
  write?(call: Call<Route, Query, Body> & { tx: Tx; blob: StoredBlob }): Promise<Written<Answer>>;
  /** Undefined: the request does not ask for a stream. */
  stream?(call: Call<Route, Query, Body>, beforeSeq: number): StreamOptions | undefined;
  /** Writes the whole answer, in place of the handlers above. */
  send?(call: Call<Route, Query, Body>, response: Response): Promise<void>;
};

type AnyDeclaration = Declaration<string, unknown, unknown, unknown>;
export type Declared = AnyDeclaration & {
  method: 'get' | 'post' | 'delete';
  path: string;
  scope: Scope;
};
export type Operation = Declared & {
  /** As published. `operation` in the log. */
  id: string;
  /** Of the API reference. */
  section: string;
};

export type ErrorStatus = 400 | 401 | 403 | 404 | 413 | 415 | 416 | 429 | 503;

/** An `Idempotency-Key` may name an object that was deleted since. */
export function errorsOf({
  path,
  method,
  idempotent,
  rateClass,
  errors = [],
}: Operation): ErrorStatus[] {
  const derived: ErrorStatus[] = [400, 401, 403, 503, ...errors];
  if (idempotent || path.includes('{')) derived.push(404);
  if (method !== 'get') derived.push(413, 415);
  if (rateClass !== 'exempt') derived.push(429);
  return derived.toSorted((a, b) => a - b);
}

/** The compiler checks the types of a declaration against each other here. */
export function operation<const Route extends string, Query, Body, Answer>(
  declaration: Declaration<Route, Query, Body, Answer>,
): Declared {
  const [name, path] = declaration.route.split(' ') as [string, string];
  const method = name.toLowerCase() as Declared['method'];
  const { scope = scopeOf(method, path) } = declaration;
  const rateClass = declaration.rateClass ?? (scope === 'admin' ? 'exempt' : undefined);
  return {
    ...(declaration as AnyDeclaration),
    method,
    path,
    scope,
    ...(rateClass && { rateClass }),
  };
}

type Deletion<Route extends string> = {
  route: Route;
  /** The `object` of the answer. */
  object: string;
  erase(call: Call<Route, unknown, unknown> & { tx: Tx }): Promise<Delivery | null | void>;
};

/** Deletes the object that the path names last. */
export function deletion<const Route extends string>(declaration: Deletion<Route>): Declared {
  const { route, object } = declaration;
  return operation({
    route,
    audit: object.replace(/(\.deleted)?$/, '.deleted'),
    answer: deleted(object),
    async write(call) {
      const delivery = await declaration.erase(call);
      const id = Object.values<string>(call.ids).at(-1)!;
      return {
        object: { id, object, deleted: true },
        deliveries: delivery ? [delivery] : [],
      };
    },
  });
}

/** The parameters of a path, in order. */
export function idNames(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
}
