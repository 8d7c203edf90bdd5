/** Batches that end in each way which needs no time to pass. */
import { randomUUID } from 'node:crypto';

import { questions, submit, untilStatus } from '../../batches/support.ts';
import { text } from '../../support/fake-model.ts';
import { emptyProject, readAll, request } from './scene.ts';
import type { Scene } from './scene.ts';

export async function batches(scene: Scene): Promise<void> {
  const { client, env } = scene;
  const model = `m-${randomUUID()}`;
  env.model.script(model, text('Yes.'));
  const { id: assistant } = await client.beta.assistants.create({ model });
  const lines = questions(assistant, ['Why?']);

  const done = await submit(client, lines);
  await untilStatus(client, done.id, 'completed');
  const failed = await submit(client, ['{']);
  await untilStatus(client, failed.id, 'failed');
  const paused = await submit(client, lines, { paused: true });
  await untilStatus(client, paused.id, 'in_progress');
  await request(scene, 'POST', `/batches/${paused.id}`, { 'x-threadmill': { window: 4 } });
  await request(scene, 'GET', `/batches/${paused.id}/requires_action`);
  await client.batches.cancel(paused.id);
  await untilStatus(client, paused.id, 'cancelled');

  await readAll(client.batches.list({ limit: 2 }));
  await (await emptyProject(scene)).batches.list();
  await request(scene, 'POST', `/batches/${paused.id}/cancel`);
  await request(scene, 'GET', '/batches/batch_none');
  await request(scene, 'POST', '/batches', {});
}
