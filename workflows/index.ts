/** What the worker's bundle contains. */
export { embedWorkflow } from './embed-documents.ts';
export { indexWorkflow } from './index-documents.ts';
export { ingestFileWorkflow } from './ingest-file.ts';
export { reconcileWorkflow } from './reconcile.ts';
export { runWorkflow } from './run.ts';
