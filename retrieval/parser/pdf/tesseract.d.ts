/** The package has no types of its own; these are the parts in use. */
declare module 'tesseract.js-core/tesseract-core-simd-lstm.js' {
  export default function createCore(overrides: object): Promise<{
    FS: { writeFile(path: string, data: Uint8Array): void };
    TessBaseAPI: new () => {
      Init(folder: null, languages: string, engine: number): number;
      SetImageFile(exifOrientation: number, angle: number): number;
      Recognize(monitor: null): number;
      MeanTextConf(): number;
      GetUTF8Text(): string;
      Clear(): void;
    };
  }>;
}
