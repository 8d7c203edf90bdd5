/**
 * The configuration of a process: the settings of config/settings.ts and what follows from them. Only loadConfig reads
 * variables of the product from process.env.
 */
import type { ModelEntry, ModelProfile } from './models-file.ts';
import { readModelsFile } from './models-file.ts';
import type { ModelPrice } from './price.ts';
import type { Settings, SettingsOf, Texts } from './read-settings.ts';
import { readSecret, readSettings } from './read-settings.ts';
import type { Process } from './settings.ts';
import type { TemporalSecurity } from './temporal-security.ts';
import { temporalSecurity } from './temporal-security.ts';
import { ConfigError } from './values.ts';

export { ConfigError };

export type ModelTarget = {
  id: string;
  baseUrl: string;
  apiKey: string;
  upstreamModel: string;
  /** Tokens that the model accepts in one request. Undefined: its server says. */
  contextWindow: number | undefined;
  /** See the models file. */
  vision: boolean | undefined;
  /** See the models file. */
  batch: boolean;
  profile: ModelProfile;
  /** Of the entry, under the id that clients use. */
  limits: {
    model: string;
    requestsPerMinute: number | undefined;
    tokensPerMinute: number | undefined;
  };
};

type Derived = {
  readonly temporalSecurity: TemporalSecurity;
  readonly models: readonly ModelEntry[];
  /** The profile of every model, which an entry's own profile overrides. */
  readonly modelProfile: ModelProfile;
  /** The longest life of a run that a request may ask for. */
  readonly runExpiryMaxSeconds: number;
  readonly bodyLimitBytes: number;
};

export type Config = Settings & Derived;

/** What a process may read: docker-compose.yml passes no more to it. */
export type ConfigOf<P extends Process> = SettingsOf<P> & Derived;

type ServingConfig = ConfigOf<'api'> | ConfigOf<'worker'>;

/** Options go before variables. Throws ConfigError. */
export function loadConfig(env: Texts = process.env, options: Texts = {}): Config {
  const settings = readSettings(env, options);
  const { models, profile: modelProfile } = readModelsFile(settings.modelsFile);
  const { databaseUrl, databaseListenUrl, databasePassword } = settings;
  const { databaseOwnerUrl, databaseOwnerPassword } = settings;
  return Object.freeze({
    ...settings,
    databaseUrl: withPassword(databaseUrl, databasePassword),
    databaseListenUrl: withPassword(databaseListenUrl, databasePassword),
    databaseOwnerUrl: withPassword(databaseOwnerUrl, databaseOwnerPassword),
    temporalSecurity: temporalSecurity(settings),
    models,
    modelProfile,
    runExpiryMaxSeconds: 30 * 24 * 3_600,
    bodyLimitBytes: 10 * 1024 * 1024,
  });
}

function withPassword(url: string | undefined, password: string | undefined): string | undefined {
  if (url === undefined || password === undefined || new URL(url).password !== '') return url;
  const complete = new URL(url);
  complete.password = encodeURIComponent(password);
  return complete.href;
}

/** For the entry of a process: a wrong value ends it with one sentence instead of a stack. */
export function loadConfigOrExit(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Whether the demo model answers, because no model server is configured. */
export function usesDemoModel(config: Pick<Config, 'modelBaseUrl' | 'models'>): boolean {
  return config.modelBaseUrl === undefined && config.models.length === 0;
}

/** On a busy computer parsing may take this many times its processor time. */
const PARSE_PATIENCE = 10;

/** What `extractChunks` takes. */
export function parseLimits(config: ConfigOf<'worker'>) {
  return {
    wallMs: config.parseSeconds * PARSE_PATIENCE * 1_000,
    cpuSeconds: config.parseSeconds,
    memoryBytes: config.parseMemoryMb * 1_024 * 1_024,
    tokens: config.parseMaxTokens,
  };
}

/** What `createEmbedder` takes; undefined when no endpoint is configured. */
export function embeddingsTarget(config: ServingConfig) {
  const { embeddingsBaseUrl: baseUrl, embeddingsApiKey: apiKey } = config;
  const { embeddingsModel: model, embeddingsDimensions: dimensions } = config;
  return baseUrl === undefined ? undefined : { baseUrl, apiKey, model, dimensions };
}

/** For users: the model of semantic search, or why semantic search is off. */
export function semanticSearch(config: ServingConfig): string {
  const { embeddingsModel, embeddingsDimensions: dimensions } = config;
  if (config.embeddingsBaseUrl === undefined) return 'off: no embeddings endpoint';
  const model =
    dimensions === null ? embeddingsModel : `${embeddingsModel}, ${dimensions} dimensions`;
  return `on: ${model}`;
}

/** The server of `model`, or undefined when no server is configured for it. */
export function modelTarget(
  config: ServingConfig,
  model: string,
  env: Texts = process.env,
): ModelTarget | undefined {
  const entry = config.models.find((candidate) => candidate.id === model);
  const baseUrl = entry?.base_url ?? config.modelBaseUrl;
  if (baseUrl === undefined) return undefined;
  const keyName = entry?.api_key_env;
  return {
    id: model,
    baseUrl,
    apiKey: (keyName === undefined ? config.modelApiKey : readSecret(env, keyName)) || 'none',
    upstreamModel: entry?.upstream_model ?? model,
    contextWindow: entry?.context_window ?? config.modelContextWindow,
    vision: entry?.vision,
    batch: entry?.batch ?? false,
    profile: { ...config.modelProfile, ...entry?.profile },
    limits: {
      model,
      requestsPerMinute: entry?.requests_per_minute,
      tokensPerMinute: entry?.tokens_per_minute,
    },
  };
}

/** Of the model's entry in the models file. */
export function priceOf(
  { models }: Pick<ServingConfig, 'models'>,
  model: string,
): ModelPrice | undefined {
  return models.find(({ id }) => id === model)?.price;
}

/** The server of a request that passes to `model` as it is: that of embeddings may be another. */
export function passedTarget(config: ServingConfig, endpoint: string, model: string) {
  const embeddings = embeddingsTarget(config);
  const isEntry = config.models.some(({ id }) => id === model);
  if (endpoint === 'embeddings' && !isEntry && model === embeddings?.model) {
    return { server: embeddings, model, upstreamModel: model };
  }
  const target = modelTarget(config, model);
  return (
    target && { server: target, model, upstreamModel: target.upstreamModel, limits: target.limits }
  );
}
