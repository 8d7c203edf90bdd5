/** Progress of a slow build, and the signal that aborts it. */
export type Reporting = { onProgress?: (line: string) => void; signal?: AbortSignal };
