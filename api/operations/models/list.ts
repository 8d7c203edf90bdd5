import { modelList } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

export const listModels = operation({
  route: 'GET /models',
  answer: modelList,
  read: async ({ context }) => ({ object: 'list', data: await context.models() }),
});
