/** Files of every purpose, and uploads to each end that they can have. */
import type OpenAI from 'openai';
import { toFile } from 'openai';

import { createFile } from '../../support/files.ts';
import { emptyProject, readAll, request } from './scene.ts';
import type { Scene } from './scene.ts';

const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;

export async function files(scene: Scene): Promise<void> {
  const api = scene.client.files;
  for (const purpose of PURPOSES) await createFile(scene.client, 'x', 'a.jsonl', purpose);
  const { id } = await api.create({
    file: await toFile(Buffer.from('x'), 'a.txt'),
    purpose: 'user_data',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  await api.retrieve(id);
  await (await api.content(id)).text();
  await readAll(api.list({ limit: 3 }));
  await api.list({ purpose: 'vision', order: 'asc' });
  await (await emptyProject(scene)).files.list();
  await api.delete(id);
  await request(scene, 'GET', `/files/${id}`);
  await request(scene, 'GET', `/files/${id}/content`);
  await request(scene, 'POST', '/files', {});
}

export async function uploads(scene: Scene): Promise<void> {
  const api = scene.client.uploads;
  const { id } = await start(scene.client);
  const part = await api.parts.create(id, { data: await toFile(Buffer.from('xy'), 'part') });
  await api.complete(id, { part_ids: [part.id] });
  await api.cancel((await start(scene.client)).id);
  await request(scene, 'POST', `/uploads/${id}/cancel`);
  await request(scene, 'POST', '/uploads/upload_none/complete', { part_ids: ['part_none'] });
  await request(scene, 'POST', `/uploads/${id}/parts`, {});
  await request(scene, 'POST', '/uploads', {});
}

const start = (client: OpenAI) =>
  client.uploads.create({
    bytes: 2,
    filename: 'a.txt',
    mime_type: 'text/plain',
    purpose: 'assistants',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
