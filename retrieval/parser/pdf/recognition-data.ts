/** Where the data lies with which Tesseract recognises a language. */
import { fileURLToPath } from 'node:url';

/** @throws Error that names the package to install when the language has none here */
export function recognitionData(language: string): string {
  const name = `@tesseract.js-data/${language}`;
  try {
    const file = `${name}/4.0.0_best_int/${language}.traineddata.gz`;
    return fileURLToPath(import.meta.resolve(file));
  } catch (cause) {
    const message = `No data to recognise text in '${language}', which OCR_LANGUAGES names: npm install ${name}`;
    throw new Error(message, { cause });
  }
}
