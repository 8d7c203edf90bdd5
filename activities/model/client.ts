/** Where a model id is served, and what is facts of its server. Temporal owns retries, so the clients have none. */
import { log } from '@temporalio/activity';
import OpenAI, { APIConnectionError } from 'openai';
import { Agent, fetch as undiciFetch } from 'undici';

import type { ModelTarget } from '../../config/config.ts';
import type { ModelProfile } from '../../config/models-file.ts';
import { jsonOr } from '../../wire/text.ts';
import type { ChatRequest } from './request/build-request.ts';
import { contextWindowOf } from './context-window.ts';
import { traceHeaders } from '../../telemetry/trace.ts';
import { IgnoredChoiceError } from '../failures.ts';
import { learn, readMaxCompletion, readTooLong } from './learn.ts';
import { ModelServerError } from './server-error.ts';

export type ModelServer = {
  target: ModelTarget;
  /** Without retries. Ask it through `withRefusals`. */
  client: OpenAI;
  /** Requests are built by these, and refusals add to them. All runs of this process share them. */
  facts: ServerFacts;
  /** Tokens that the model accepts. Asks the server when the settings do not say. */
  contextWindow(): Promise<number>;
  /** The answer's headers have arrived. @throws ModelServerError, or APIConnectionError when there is no answer */
  open(request: ChatRequest, signal: AbortSignal): Promise<Response>;
};

export type ServerFacts = {
  profile: ModelProfile;
  /** Undefined until the settings or the server say. */
  window: number | undefined;
  /** The most tokens that a request may ask for. Undefined until a refusal says. */
  maxCompletion: number | undefined;
  /** The server's tokens for one counted here, at least 1. */
  tokenRatio: number;
};

export type ModelServers = {
  /** Undefined when no server is configured for the model. */
  resolve(model: string): ModelServer | undefined;
};

/** When neither the settings nor the server say. */
const DEFAULT_WINDOW = 128_000;
const LARGEST_RATIO = 4;
/** When a server says that a prompt is too long, but not by how much. */
const SHRINK = 1.3;

export function createModelServers(
  targetOf: (model: string) => ModelTarget | undefined,
): ModelServers {
  // The waits for an answer are the activity's: a model may think for longer than undici's five minutes.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const servers = new Map<string, ModelServer>();
  return {
    resolve(model) {
      const target = targetOf(model);
      if (target === undefined) return undefined;
      const key = JSON.stringify(target);
      const server = servers.get(key) ?? createServer(target, dispatcher);
      servers.set(key, server);
      return server;
    },
  };
}

function createServer(target: ModelTarget, dispatcher: Agent): ModelServer {
  const client = createClient(target, dispatcher);
  const facts: ServerFacts = {
    profile: target.profile,
    window: target.contextWindow,
    maxCompletion: undefined,
    tokenRatio: 1,
  };
  let answer: Promise<number | null | undefined> | undefined;
  return {
    target,
    client,
    facts,
    async contextWindow() {
      if (facts.window === undefined) {
        answer ??= contextWindowOf(target);
        const window = await answer;
        facts.window ??= window ?? undefined;
        // A server that does not answer now may do so later. One that answers without a window is not asked again.
        if (window === undefined) answer = undefined;
      }
      return facts.window ?? DEFAULT_WINDOW;
    },
    async open(request, signal) {
      const timeout = facts.profile.first_token_seconds * 1_000;
      return withRefusals(
        client.chat.completions.create(request, { signal, timeout }).asResponse(),
      );
    },
  };
}

/** @throws ModelServerError for a refusal, which the client takes for a broken connection */
export async function withRefusals<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw error instanceof APIConnectionError && cause instanceof ModelServerError ? cause : error;
  }
}

/** Organization and project are set apart from the environment, which belongs to this server's own clients. */
function createClient(target: ModelTarget, dispatcher: Agent): OpenAI {
  return new OpenAI({
    baseURL: target.baseUrl,
    apiKey: target.apiKey,
    organization: null,
    project: null,
    maxRetries: 0,
    fetch: async (input, init) => {
      // A redirect would carry the key to wherever the server points.
      const trace = traceHeaders();
      const headers = trace && [...new Headers(init?.headers), ...Object.entries(trace)];
      const options = {
        ...init,
        ...(headers && { headers }),
        redirect: 'error',
        dispatcher,
      } as Parameters<typeof undiciFetch>[1];
      const response = (await undiciFetch(input as string, options)) as unknown as Response;
      // Before the client takes the body apart: it knows one shape of errors only.
      if (!response.ok) throw await refusalOf(target, response);
      return response;
    },
  });
}

async function refusalOf(target: ModelTarget, response: Response): Promise<ModelServerError> {
  const text = await response.text().catch(() => '');
  const { status, headers } = response;
  return new ModelServerError({
    status,
    url: placeOf(target),
    // A page or a sentence is no JSON.
    body: jsonOr(text, text),
    headers,
    apiKey: target.apiKey,
  });
}

/** For errors: a URL may hide a user and a password. */
export function placeOf({ baseUrl }: ModelTarget): string {
  const { origin, pathname } = new URL(baseUrl);
  return `${origin}${pathname}/chat/completions`;
}

const TEACHES = new Set([400, 404, 413, 422, 500, 501]);

/**
 * Takes a lesson from a refusal: the same turn, built anew, has a chance. `smaller`: if it has become smaller.
 * `promptTokens`: our count of what was refused.
 */
export function adapt(
  { facts, target }: ModelServer,
  error: unknown,
  refused: { body: ChatRequest; promptTokens: number },
): 'changed' | 'smaller' | undefined {
  if (error instanceof IgnoredChoiceError && facts.profile[error.rule]) {
    facts.profile = { ...facts.profile, [error.rule]: false };
    logLesson(target, `${error.rule}: false`, error.message);
    return error.retryable ? undefined : 'changed';
  }
  if (!(error instanceof ModelServerError) || !TEACHES.has(error.status ?? 400)) return undefined;
  const text = `${error.code} ${error.reason} ${error.body}`;
  const lesson =
    learnLimit(facts, text, refused.body) ??
    learnSize(facts, text, refused) ??
    learnShape(facts, text, refused.body);
  if (lesson === undefined) return undefined;
  logLesson(target, lesson.change, error.reason);
  return lesson.effect;
}

function logLesson(target: ModelTarget, change: string, reason: string): void {
  const { upstreamModel: model } = target;
  log.warn('Adapted the requests to a model server', {
    url: placeOf(target),
    model,
    change,
    reason,
  });
}

type Learnt = { effect: 'changed' | 'smaller'; change: string } | undefined;

/** A run's limit may be more than one answer can have: it is kept here, and the server is asked for what it takes. */
function learnLimit(facts: ServerFacts, text: string, request: ChatRequest): Learnt {
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const most = readMaxCompletion(text);
  if (typeof asked !== 'number' || most === undefined || most >= asked) return undefined;
  facts.maxCompletion = most;
  return { effect: 'changed', change: `an answer has at most ${most} tokens` };
}

function learnSize(
  facts: ServerFacts,
  text: string,
  { body, promptTokens }: { body: ChatRequest; promptTokens: number },
): Learnt {
  const long = readTooLong(text);
  if (long === undefined) return undefined;
  const { window, prompt } = long;
  const news = window !== undefined && (facts.window === undefined || window < facts.window);
  if (news) facts.window = window;
  const asked = body.max_completion_tokens ?? body.max_tokens ?? 0;
  if (news && asked + promptTokens > window && promptTokens < window / 2) {
    return { effect: 'changed', change: `prompt and answer have ${window} tokens together` };
  }
  if (!news || prompt !== undefined) {
    const seen = prompt === undefined ? facts.tokenRatio * SHRINK : (prompt / promptTokens) * 1.02;
    facts.tokenRatio = Math.min(LARGEST_RATIO, Math.max(facts.tokenRatio, seen));
  }
  const change = `prompts are made smaller: ${facts.window} tokens, ours count ${facts.tokenRatio}`;
  return { effect: 'smaller', change };
}

function learnShape(facts: ServerFacts, text: string, request: ChatRequest): Learnt {
  const lesson = learn(facts.profile, request, text);
  if (lesson === undefined) return undefined;
  facts.profile = lesson.profile;
  return { effect: 'changed', change: lesson.change };
}

/** After an answer: how this server counts what we sent. Never less than one of ours, so that windows only shrink. */
export function measureTokens(facts: ServerFacts, ours: number, theirs: number): void {
  if (ours < 500 || theirs <= ours) return;
  facts.tokenRatio = Math.min(LARGEST_RATIO, Math.max(facts.tokenRatio, theirs / ours));
}
