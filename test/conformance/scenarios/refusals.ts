/** Refusals that no operation makes itself. */
import type { Scene } from './scene.ts';

const TOO_LARGE = 11 * 1024 * 1024;

export async function refusals({ env, recorder }: Scene): Promise<void> {
  const send = (headers: Record<string, string>, body: string) =>
    recorder.fetch(`${env.api.url}/v1/assistants`, { method: 'POST', headers, body });
  const authorization = `Bearer ${env.apiKey}`;
  await send({}, '{}');
  await send({ authorization: 'Bearer sk-wrong' }, '{}');
  await send({ authorization, 'openai-beta': 'assistants=v1' }, '{}');
  await send({ authorization, 'content-encoding': 'gzip' }, '{}');
  await send({ authorization }, '{');
  await send({ authorization }, JSON.stringify({ model: 'x'.repeat(TOO_LARGE) }));
  await send({ authorization, 'idempotency-key': 'one' }, '{"model": "a"}');
  await send({ authorization, 'idempotency-key': 'one' }, '{"model": "b"}');
}
