import { readUsage } from '../../../db/projects/usage.ts';
import { usagePage } from '../../../wire/admin/answers.ts';
import { usageQuery } from '../../../wire/admin/usage-query.ts';
import { operation } from '../../operation.ts';

export const getUsage = operation({
  route: 'GET /threadmill/usage',
  extension: true,
  query: usageQuery,
  answer: usagePage,
  async read({ pool, query }) {
    const data = await readUsage(pool, query);
    const next_page = query.has_more ? data.at(-1)!.end_time : null;
    return { object: 'page', data, has_more: query.has_more, next_page };
  },
});
