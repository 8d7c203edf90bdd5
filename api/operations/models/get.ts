import { model } from '../../../wire/answers.ts';
import { findModel } from '../../model-list.ts';
import { operation } from '../../operation.ts';

export const retrieveModel = operation({
  route: 'GET /models/{model}',
  answer: model,
  read: ({ context, ids }) => findModel(context.models, ids.model),
});
