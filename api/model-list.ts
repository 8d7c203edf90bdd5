/** The models that are configured, and those that the default model server lists. */
import type { ConfigOf } from '../config/config.ts';
import { embeddingsTarget, usesDemoModel } from '../config/config.ts';
import { DEMO_MODEL_ID } from '../demo/models.ts';
import type { Logger } from '../config/log.ts';
import { modelNotFound } from '../wire/errors/http-errors.ts';
import type { Model } from '../wire/types.ts';

const TIMEOUT_MS = 5_000;
const CACHE_MS = 30_000;

export type ListModels = () => Promise<Model[]>;

export function createModelList(config: ConfigOf<'api'>, log: Logger): ListModels {
  let cached: { models: Model[]; until: number } | undefined;
  return async () => {
    if (cached !== undefined && cached.until > Date.now()) return cached.models;
    const upstream = await upstreamModels(config).catch((error: unknown) => {
      log.warn({ err: error }, 'The model server did not list its models');
      return [];
    });
    const own = config.models.map(({ id }) => id);
    const embeddings = embeddingsTarget(config)?.model ?? [];
    const known = new Set(own.concat(embeddings));
    const models = [
      ...[...known].map((id) => toModel(id)),
      ...upstream.filter(({ id }) => !known.has(id)),
    ];
    cached = { models, until: Date.now() + CACHE_MS };
    return models;
  };
}

/** @throws ApiError 404 */
export async function findModel(list: ListModels, id: string): Promise<Model> {
  const model = (await list()).find((candidate) => candidate.id === id);
  if (model === undefined) throw modelNotFound(id);
  return model;
}

async function upstreamModels(config: ConfigOf<'api'>): Promise<Model[]> {
  if (usesDemoModel(config)) return [toModel(DEMO_MODEL_ID)];
  if (config.modelBaseUrl === undefined) return [];
  const answer = await fetch(`${config.modelBaseUrl}/models`, {
    headers: { authorization: `Bearer ${config.modelApiKey}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  });
  if (!answer.ok) throw new Error(`GET /models answered ${answer.status}`);
  const { data } = (await answer.json()) as { data?: unknown };
  return (Array.isArray(data) ? data : []).flatMap((entry: Partial<Model> | null) =>
    typeof entry?.id === 'string' ? [toModel(entry.id, entry.created, entry.owned_by)] : [],
  );
}

function toModel(id: string, created?: number, ownedBy?: string): Model {
  return { id, object: 'model', created: created ?? 0, owned_by: ownedBy ?? 'threadmill' };
}
