/** How the slow ways to get a program tell of their progress, and are ended early. */
export type Reporting = { onProgress?: (line: string) => void; signal?: AbortSignal };
