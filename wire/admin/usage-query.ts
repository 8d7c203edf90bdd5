/** The query of usage, after the hosted service's usage of an organization. Days are in UTC. */
import { z } from 'zod';

import { checkId } from '../ids.ts';
import { integer, list } from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';

const DAY_SECONDS = 86_400;
const time = integer(0, 4_102_444_800).optional();
const filter = z.string().max(LIMITS.fileId).optional();

/** `page` is the beginning of the next page: it goes before `start_time`. */
export const usageQuery = z
  .object({
    start_time: time,
    end_time: time,
    limit: integer(1, 180).default(31),
    page: time,
    project_id: filter,
    api_key_id: filter,
    group_by: list(z.enum(['project_id', 'api_key_id']), 'strings', 2).default([]),
  })
  .transform(({ start_time, end_time, limit, page, ...filters }) => {
    if (filters.project_id !== undefined) checkId('project_id', filters.project_id);
    const end = end_time ?? Math.floor(Date.now() / 1_000) + 1;
    const start = page ?? start_time ?? end - 30 * DAY_SECONDS;
    const from = start - (start % DAY_SECONDS);
    const all = Math.max(0, Math.ceil((end - from) / DAY_SECONDS));
    return { ...filters, from, days: Math.min(limit, all), has_more: all > limit };
  });

export type UsageQuery = z.output<typeof usageQuery>;
