/** Uploads and downloads of files. */
import type OpenAI from 'openai';
import { APIError } from 'openai';
import type { FileObject } from 'openai/resources/files';

type Upload = { key: string; file: File; purpose: 'assistants' | 'vision' | 'batch' };

/** Like `files.create` of the client, which reports no progress. `onProgress` gets a number from 0 to 1. */
export function upload({ key, file, purpose }: Upload, onProgress: (part: number) => void) {
  return new Promise<FileObject>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/v1/files');
    request.setRequestHeader('authorization', `Bearer ${key}`);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = () => reject(new Error('The connection was lost.'));
    request.onload = () => {
      const { status, response } = request;
      if (status === 200) return resolve(response as FileObject);
      const { error } = (response ?? {}) as { error?: object };
      reject(APIError.generate(status, { error }, undefined, new Headers()));
    };
    const form = new FormData();
    form.append('purpose', purpose);
    form.append('file', file);
    request.send(form);
  });
}

export async function download(client: OpenAI, id: string): Promise<void> {
  const [{ filename }, content] = await Promise.all([
    client.files.retrieve(id),
    client.files.content(id),
  ]);
  const url = URL.createObjectURL(await content.blob());
  Object.assign(document.createElement('a'), { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
