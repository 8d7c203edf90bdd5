import { priceOf } from '../../../config/config.ts';
import { costOf } from '../../../config/price.ts';
import { explainRun as explain } from '../../../db/runs/explain-run.ts';
import { runExplanation } from '../../../wire/explanation.ts';
import { explainQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

export const explainRun = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/explain',
  extension: true,
  query: explainQuery,
  answer: runExplanation,
  async read(call) {
    const path = runPath(call);
    const { config } = call.context;
    const explanation = await explain(call.pool, path, {
      withContent: call.query.include.includes('content'),
      costOf: (run) => {
        const price = priceOf(config, run.model);
        return price === undefined ? null : costOf(run, price);
      },
    });
    const { temporalUiUrl: ui, temporalNamespace: namespace } = config;
    if (ui === undefined || !call.caller.scopes.includes('admin')) return explanation;
    return { ...explanation, workflow_url: workflowUrl(ui, namespace, path.runId) };
  },
});

/** The query of the UI's address stays: `npm start` has a token there. */
function workflowUrl(ui: string, namespace: string, workflowId: string): string {
  const url = new URL(ui);
  const place = `/namespaces/${encodeURIComponent(namespace)}/workflows/${workflowId}`;
  url.pathname = url.pathname.replace(/\/+$/, '') + place;
  return url.href;
}
