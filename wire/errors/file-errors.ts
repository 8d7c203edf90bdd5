/** Errors of files, forms and uploads. A text is the hosted service's unless its comment says that it is ours. */
import { ApiError, invalidRequest } from './errors.ts';

// Files

/** 404 for `GET /files/{id}` and for a file id in a body. */
export const noSuchFile = (id: string): ApiError =>
  new ApiError(404, `No such File object: ${id}`, { param: 'id' });

/** 400: files with this purpose cannot be downloaded. */
export const downloadNotAllowed = (purpose: string): ApiError =>
  invalidRequest(`Not allowed to download files of purpose: ${purpose}`);

/** 416: no byte of the file is in the range. Our text. */
export const noSuchRange = (size: number): ApiError =>
  new ApiError(416, `The requested range is not in the file, which has ${size} bytes.`);

/** 400, as hosted; the text is ours. */
export const emptyFile = (param: string): ApiError =>
  invalidRequest('File is empty.', { code: 'empty_file', param });

/** 413. Our text; clients do not repeat it. */
export const fileTooLarge = (limitBytes: number): ApiError =>
  new ApiError(
    413,
    `File is too large. The most this server accepts here is ${limitBytes} bytes.`,
    { code: 'file_too_large' },
  );

/** 400: the endpoint takes a form and the request has another content type. */
export const notAForm = (contentType: string | undefined): ApiError =>
  invalidRequest(
    `Invalid Content-Type header (${(contentType ?? 'none').slice(0, 100)}), expected multipart/form-data.`,
  );

/** 400: the form cannot be parsed. Our text. */
export const unreadableForm = (reason: string): ApiError =>
  invalidRequest(`We could not parse the multipart form of your request: ${reason}.`);

/** 400: the files of the project would exceed its quota. Our text: the hosted one is not known. */
export const fileQuotaExceeded = (quotaBytes: number): ApiError =>
  invalidRequest(
    `This file would take the project over its limit of ${quotaBytes} bytes for all files. Please delete files you no longer need.`,
    { code: 'file_quota_exceeded' },
  );

// Uploads. All texts are ours: the hosted ones are not known.

/** 400. `action` is `add parts to`, `complete` or `cancel`. */
export const uploadNotPending = (action: string, status: string): ApiError =>
  invalidRequest(`Cannot ${action} upload with status '${status}'.`);

/** 400: more parts than an upload of this size can need. */
export const partsExceedUpload = (uploadId: string, bytes: number): ApiError =>
  invalidRequest(
    `The parts of ${uploadId} would have more than twice the ${bytes} bytes it was created with.`,
    { code: 'too_many_bytes', param: 'data' },
  );

/** 400: also for a part of another upload. */
export const unknownPart = (partId: string, uploadId: string): ApiError =>
  invalidRequest(`Invalid 'part_ids': no part found with id '${partId}' in ${uploadId}.`, {
    code: 'invalid_value',
    param: 'part_ids',
  });

export const uploadBytesMismatch = (expected: number, got: number): ApiError =>
  invalidRequest(
    `The parts have ${got} bytes, but the upload was created with ${expected} bytes.`,
    { code: 'bytes_mismatch', param: 'part_ids' },
  );

export const uploadMd5Mismatch = (got: string): ApiError =>
  invalidRequest(`Invalid 'md5': the content of the parts has the md5 ${got}.`, {
    code: 'md5_mismatch',
    param: 'md5',
  });
