/** What the worker's bundle contains. */
export { batchWorkflow } from './batch.ts';
export { deliverWebhookWorkflow } from './deliver-webhook.ts';
export { embedWorkflow } from './embed-documents.ts';
export { indexWorkflow } from './index-documents.ts';
export { ingestFileWorkflow } from './ingest-file.ts';
export { passLineWorkflow } from './pass-line.ts';
export { reconcileWorkflow } from './reconcile.ts';
export { runWorkflow } from './run.ts';
export { scheduledBatchWorkflow } from './scheduled-batch.ts';
export { upstreamWorkflow } from './upstream.ts';
