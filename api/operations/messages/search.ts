import * as db from '../../../db/threads/search-messages.ts';
import { listOf, message } from '../../../wire/answers.ts';
import { searchMessagesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const searchMessages = operation({
  route: 'GET /threadmill/messages/search',
  extension: true,
  scope: 'read',
  rateClass: 'search',
  query: searchMessagesQuery,
  answer: listOf(message),
  read: ({ pool, project, query }) => db.searchMessages(pool, project, query),
});
