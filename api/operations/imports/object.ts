import { narrowTo } from '../../../db/core/row-scope.ts';
import * as db from '../../../db/imports/import-object.ts';
import { countMessages } from '../../../db/threads/new-thread.ts';
import { importAnswer, importObjectSchema } from '../../../wire/requests/imports.ts';
import { operation } from '../../operation.ts';

/** Into the caller's own project, although administrators see all of them. Messages are recorded with their thread. */
export const importObject = operation({
  route: 'POST /threadmill/import',
  extension: true,
  stores: true,
  audit: 'object.imported',
  body: importObjectSchema,
  answer: importAnswer,
  errors: [404],
  async before({ context, project, body }) {
    if (body.object === 'thread.message') await countMessages(context.tokens, project, [body]);
  },
  async write({ tx, project, body }) {
    await narrowTo(tx, project);
    const { deliveries = [], ...stored } = await db.importObject(tx, project, body);
    const isRecorded = stored.created && body.object !== 'thread.message';
    return {
      object: { object: 'threadmill.import' as const, id: body.id, ...stored },
      deliveries,
      audited: isRecorded ? { project } : null,
    };
  },
});
