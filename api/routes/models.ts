/** GET /models: what is configured, and what the default model server lists. */
import { Router } from 'express';

import type { Config } from '../../config.ts';
import { embeddingsTarget, usesDemoModel } from '../../config.ts';
import { DEMO_MODEL_ID } from '../../demo/models.ts';
import { modelNotDeletable, modelNotFound } from '../../wire/errors.ts';
import type { Model } from '../../wire/types.ts';
import type { ApiContext } from '../context.ts';

const TIMEOUT_MS = 5_000;
const CACHE_MS = 30_000;

export function modelRoutes({ config, log }: ApiContext): Router {
  const router = Router();
  let cached: { models: Model[]; until: number } | undefined;

  const list = async (): Promise<Model[]> => {
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

  router.get('/', async (_request, response) => {
    response.json({ object: 'list', data: await list() });
  });

  const find = async (params: object): Promise<Model> => {
    const id = ((params as { model?: string[] }).model ?? []).join('/');
    const model = (await list()).find((candidate) => candidate.id === id);
    if (model === undefined) throw modelNotFound(id);
    return model;
  };

  router.get('/*model', async (request, response) => {
    response.json(await find(request.params));
  });

  router.delete('/*model', async (request) => {
    throw modelNotDeletable((await find(request.params)).id);
  });

  return router;
}

async function upstreamModels(config: Config): Promise<Model[]> {
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
