/** What the worker's bundle contains. */
export { reconcileWorkflow } from './reconcile.ts';
export { runWorkflow } from './run.ts';
