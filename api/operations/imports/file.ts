import { narrowTo } from '../../../db/core/row-scope.ts';
import * as db from '../../../db/imports/import-object.ts';
import { importAnswer, importFileSchema } from '../../../wire/requests/imports.ts';
import { operation } from '../../operation.ts';

export const importFile = operation({
  route: 'POST /threadmill/import/files',
  extension: true,
  form: { field: 'file', maxBytes: (config) => config.fileLimitBytes },
  audit: 'file.imported',
  body: importFileSchema,
  answer: importAnswer,
  async write({ tx, project, body, blob }) {
    await narrowTo(tx, project);
    const stored = await db.importFile(tx, project, body, blob);
    return {
      object: { object: 'threadmill.import' as const, id: body.id, ...stored },
      audited: stored.created ? { project } : null,
    };
  },
});
