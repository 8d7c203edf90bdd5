/** Every operation, in the order of the API reference. */
import type { Declared, Operation } from '../operation.ts';
import { listAuditLogs } from './audit/list.ts';
import { createAssistant } from './assistants/create.ts';
import { deleteAssistant } from './assistants/delete.ts';
import { getAssistant } from './assistants/get.ts';
import { listAssistants } from './assistants/list.ts';
import { modifyAssistant } from './assistants/modify.ts';
import { cancelBatch } from './batches/cancel.ts';
import { createBatch } from './batches/create.ts';
import { retrieveBatch } from './batches/get.ts';
import { listBatches } from './batches/list.ts';
import { modifyBatch } from './batches/modify.ts';
import { listBatchRequiresAction } from './batches/requires-action.ts';
import { cancelVectorStoreFileBatch } from './file-batches/cancel.ts';
import { createVectorStoreFileBatch } from './file-batches/create.ts';
import { getVectorStoreFileBatch } from './file-batches/get.ts';
import { listFilesInVectorStoreBatch } from './file-batches/list-files.ts';
import { createFile } from './files/create.ts';
import { deleteFile } from './files/delete.ts';
import { downloadFile } from './files/download.ts';
import { retrieveFile } from './files/get.ts';
import { listFiles } from './files/list.ts';
import { importFile } from './imports/file.ts';
import { importObject } from './imports/object.ts';
import { createProjectKey } from './keys/create.ts';
import { listProjectKeys } from './keys/list.ts';
import { modifyKey } from './keys/modify.ts';
import { revokeKey } from './keys/revoke.ts';
import { rotateKey } from './keys/rotate.ts';
import { createMessage } from './messages/create.ts';
import { deleteMessage } from './messages/delete.ts';
import { getMessage } from './messages/get.ts';
import { listMessages } from './messages/list.ts';
import { searchMessages } from './messages/search.ts';
import { modifyMessage } from './messages/modify.ts';
import { deleteModel } from './models/delete.ts';
import { retrieveModel } from './models/get.ts';
import { listModels } from './models/list.ts';
import { createProject } from './projects/create.ts';
import { deleteProject } from './projects/delete.ts';
import { getProject } from './projects/get.ts';
import { modifyProject } from './projects/modify.ts';
import { listProjects } from './projects/list.ts';
import { getRetention } from './retention/get.ts';
import { getRunStep } from './run-steps/get.ts';
import { listRunSteps } from './run-steps/list.ts';
import { cancelAnyRun } from './runs/cancel-any.ts';
import { cancelRun } from './runs/cancel.ts';
import { createThreadAndRun } from './runs/create-with-thread.ts';
import { createRun } from './runs/create.ts';
import { explainRun } from './runs/explain.ts';
import { getRun } from './runs/get.ts';
import { listRuns } from './runs/list.ts';
import { listProjectRuns } from './runs/list-all.ts';
import { modifyRun } from './runs/modify.ts';
import { streamRunEvents } from './runs/stream-events.ts';
import { submitToolOutputs } from './runs/submit-tool-outputs.ts';
import { createSchedule } from './schedules/create.ts';
import { deleteSchedule } from './schedules/delete.ts';
import { getSchedule } from './schedules/get.ts';
import { listSchedules } from './schedules/list.ts';
import { modifySchedule } from './schedules/modify.ts';
import { getStatus } from './status/get.ts';
import { createThread } from './threads/create.ts';
import { deleteThread } from './threads/delete.ts';
import { getThread } from './threads/get.ts';
import { listThreads } from './threads/list.ts';
import { modifyThread } from './threads/modify.ts';
import { addUploadPart } from './uploads/add-part.ts';
import { cancelUpload } from './uploads/cancel.ts';
import { completeUpload } from './uploads/complete.ts';
import { createUpload } from './uploads/create.ts';
import { retrieveVectorStoreFileContent } from './vector-store-files/content.ts';
import { getUsage } from './usage/read.ts';
import { createVectorStoreFile } from './vector-store-files/create.ts';
import { deleteVectorStoreFile } from './vector-store-files/delete.ts';
import { getVectorStoreFile } from './vector-store-files/get.ts';
import { listVectorStoreFiles } from './vector-store-files/list.ts';
import { updateVectorStoreFileAttributes } from './vector-store-files/modify.ts';
import { createVectorStore } from './vector-stores/create.ts';
import { deleteVectorStore } from './vector-stores/delete.ts';
import { getVectorStore } from './vector-stores/get.ts';
import { listVectorStores } from './vector-stores/list.ts';
import { modifyVectorStore } from './vector-stores/modify.ts';
import { searchVectorStore } from './vector-stores/search.ts';
import { createWebhookEndpoint } from './webhooks/create.ts';
import { deleteWebhookEndpoint } from './webhooks/delete.ts';
import { listWebhookEventTypes } from './webhooks/event-types.ts';
import { getWebhookEndpoint } from './webhooks/get.ts';
import { listWebhookDeliveries } from './webhooks/list-deliveries.ts';
import { listWebhookEndpoints } from './webhooks/list.ts';
import { modifyWebhookEndpoint } from './webhooks/modify.ts';
import { replayWebhookDelivery } from './webhooks/replay.ts';
import { rotateWebhookSecret } from './webhooks/rotate-secret.ts';
import { testWebhookEndpoint } from './webhooks/test.ts';

/** The sections of the API reference. An operation's name here is its id. */
const SECTIONS: Readonly<Record<string, Readonly<Record<string, Declared>>>> = {
  Assistants: { createAssistant, listAssistants, getAssistant, modifyAssistant, deleteAssistant },
  Threads: { createThread, listThreads, getThread, modifyThread, deleteThread },
  Messages: { createMessage, listMessages, getMessage, modifyMessage, deleteMessage },
  Runs: {
    createRun,
    createThreadAndRun,
    listRuns,
    getRun,
    modifyRun,
    submitToolOuputsToRun: submitToolOutputs,
    cancelRun,
    streamRunEvents,
    explainRun,
  },
  'Run steps': { listRunSteps, getRunStep },
  'Vector stores': {
    createVectorStore,
    listVectorStores,
    getVectorStore,
    modifyVectorStore,
    deleteVectorStore,
    searchVectorStore,
  },
  'Vector store files': {
    createVectorStoreFile,
    listVectorStoreFiles,
    getVectorStoreFile,
    retrieveVectorStoreFileContent,
    updateVectorStoreFileAttributes,
    deleteVectorStoreFile,
  },
  'Vector store file batches': {
    createVectorStoreFileBatch,
    getVectorStoreFileBatch,
    cancelVectorStoreFileBatch,
    listFilesInVectorStoreBatch,
  },
  Files: { createFile, listFiles, retrieveFile, deleteFile, downloadFile },
  Uploads: { createUpload, addUploadPart, completeUpload, cancelUpload },
  Batch: {
    createBatch,
    listBatches,
    retrieveBatch,
    modifyBatch,
    cancelBatch,
    listBatchRequiresAction,
  },
  Schedules: {
    createSchedule,
    listSchedules,
    getSchedule,
    modifySchedule,
    deleteSchedule,
  },
  Webhooks: {
    createWebhookEndpoint,
    listWebhookEndpoints,
    getWebhookEndpoint,
    modifyWebhookEndpoint,
    deleteWebhookEndpoint,
    rotateWebhookSecret,
    testWebhookEndpoint,
    listWebhookEventTypes,
    listWebhookDeliveries,
    replayWebhookDelivery,
  },
  Models: { listModels, retrieveModel, deleteModel },
  Threadmill: {
    createProject,
    listProjects,
    getProject,
    modifyProject,
    deleteProject,
    createProjectKey,
    listProjectKeys,
    modifyKey,
    rotateKey,
    revokeKey,
    listAuditLogs,
    getUsage,
    getRetention,
    getStatus,
    listProjectRuns,
    cancelAnyRun,
    searchMessages,
    importObject,
    importFile,
  },
};

export const OPERATIONS: readonly Operation[] = Object.entries(SECTIONS).flatMap(
  ([section, operations]) =>
    Object.entries(operations).map(([id, declared]) => ({ ...declared, id, section })),
);
