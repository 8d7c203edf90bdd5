import { deleted } from '../../../wire/answers.ts';
import { modelNotDeletable } from '../../../wire/errors/http-errors.ts';
import { findModel } from '../../model-list.ts';
import { operation } from '../../operation.ts';

/** Models belong to the model servers, which this server does not change. */
export const deleteModel = operation({
  route: 'DELETE /models/{model}',
  answer: deleted('model'),
  async read({ context, ids }) {
    throw modelNotDeletable((await findModel(context.models, ids.model)).id);
  },
});
