/** Checks which model servers answer. Shows neither keys nor other secrets in a URL. */
import type { Config } from '../../config/config.ts';
import { modelTarget, usesDemoModel } from '../../config/config.ts';
import { reasonOf } from '../serve/start-error.ts';
import type { Finding } from './report.ts';

const ANSWER_MS = 5_000;
const OWN_KEY = 'MODEL_API_KEY';
const part = 'Model';

type Server = {
  /** Models of MODELS_FILE that it serves; none for MODEL_BASE_URL. */
  names: string[];
  /** Undefined: no setting names a server. */
  baseUrl: string | undefined;
  apiKey: string;
  /** The variable that holds the key. */
  keyName: string;
};

export async function models(config: Config): Promise<Finding[]> {
  if (usesDemoModel(config)) {
    const says = 'the built-in demo model, NOT an LLM';
    return [{ part, state: 'note', says, remedy: 'set MODEL_BASE_URL for a real one' }];
  }
  return Promise.all(serversOf(config).map(examine));
}

/** Each pair of server and key once. */
function serversOf(config: Config): Server[] {
  const { modelBaseUrl: baseUrl, modelApiKey: apiKey } = config;
  const given = baseUrl === undefined ? [] : [{ names: [], baseUrl, apiKey, keyName: OWN_KEY }];
  const listed = config.models.map(({ id, api_key_env: keyName = OWN_KEY }): Server => {
    const target = modelTarget(config, id);
    return { names: [id], baseUrl: target?.baseUrl, apiKey: target?.apiKey ?? 'none', keyName };
  });
  const groups = Map.groupBy(listed, (one) => [one.baseUrl, one.apiKey, one.keyName].join(' '));
  const joined = [...groups.values()].map((group) => {
    return { ...group[0]!, names: group.flatMap(({ names }) => names) };
  });
  return [...given, ...joined];
}

/** `fail`: runs of these models would fail. */
async function examine({ names, baseUrl, apiKey, keyName }: Server): Promise<Finding> {
  const models = names.join(', ');
  if (baseUrl === undefined) {
    const remedy = 'give it a base_url in MODELS_FILE, or set MODEL_BASE_URL';
    return { part, state: 'fail', says: `${models} has no server`, remedy };
  }
  const keyed = apiKey === 'none' ? 'no key' : 'a key is set';
  if (keyed === 'no key' && keyName !== OWN_KEY) {
    const says = `${models}: ${keyName} is not set`;
    return { part, state: 'fail', says, remedy: `set ${keyName}` };
  }
  const { origin, pathname } = new URL(baseUrl);
  const place = `${models === '' ? '' : `${models} at `}${origin}${pathname}`;
  const answer = await ask(baseUrl, apiKey);
  const state = answer === 'answers' ? 'ok' : 'fail';
  const finding: Finding = { part, state, says: `${place} ${answer} (${keyed})` };
  if (state === 'ok') return finding;
  const setting = models === '' ? 'MODEL_BASE_URL' : 'base_url';
  const remedy = answer.startsWith('refuses')
    ? `set ${keyName} to a key of that server`
    : `start that server, or correct ${setting}`;
  return { ...finding, remedy };
}

/** Any other answer, also a 404, shows that a server is there. */
async function ask(baseUrl: string, apiKey: string): Promise<string> {
  try {
    const { status, body } = await fetch(`${baseUrl}/models`, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(ANSWER_MS),
      redirect: 'manual',
    });
    await body?.cancel();
    if (status === 401 || status === 403) return `refuses the key: it says ${status}`;
    if (status >= 300 && status < 400) return 'redirects: give the URL where that leads';
    return [502, 503, 504].includes(status) ? `is not ready: it says ${status}` : 'answers';
  } catch (error) {
    const { name, cause } = error as Error;
    const reason = name === 'TimeoutError' ? `nothing in ${ANSWER_MS / 1_000} s` : reasonOf(cause);
    return `does not answer: ${reason}`;
  }
}
