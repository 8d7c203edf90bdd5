import * as db from '../../../db/vector-stores/vector-stores.ts';
import { listOf, vectorStore } from '../../../wire/answers.ts';
import { listQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listVectorStores = operation({
  route: 'GET /vector_stores',
  query: listQuery,
  answer: listOf(vectorStore),
  read: ({ pool, project, query }) => db.listVectorStores(pool, project, query),
});
