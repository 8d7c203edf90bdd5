/** Text in pictures of pages: PDFium draws a page, and Tesseract, which is WebAssembly too, recognises what it shows. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import createCore from 'tesseract.js-core/tesseract-core-simd-lstm.js';

import { recognitionData } from './recognition-data.ts';
import { pdfium, read } from './pdfium.ts';

export type Recognizer = (page: number) => string;

/** What Tesseract is trained for, and as many pixels as a sheet of A4 has then; a poster is drawn smaller. */
const DOTS_PER_POINT = 300 / 72;
const MOST_PIXELS = 9_000_000;
/** Of fpdfview.h: one byte a pixel; annotations are drawn. */
const GRAY = 1;
const WITH_ANNOTATIONS = 1;
const WHITE = 0xffffffff;
/** Tesseract's engine of neural networks, for which the data was trained. */
const LSTM = 1;
/** Of 100, by Tesseract's own estimate. What it sees in photographs has less. */
const LEAST_CONFIDENCE = 40;
/** Chinese and Japanese are written without, but Tesseract puts some between words. */
const SPACES =
  /(?<=[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]) +| +(?=[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}])/gu;

/** `languages` are Tesseract's, such as `eng` or `chi_sim`. */
export async function createRecognizer(languages: readonly string[]): Promise<Recognizer> {
  const core = await createCore({});
  for (const language of languages) {
    const data = await readFile(recognitionData(language));
    core.FS.writeFile(`${language}.traineddata`, await promisify(gunzip)(data));
  }
  const tesseract = new core.TessBaseAPI();
  tesseract.Init(null, languages.join('+'), LSTM);
  return (page) => {
    const picture = draw(page);
    if (picture === undefined) return '';
    // Where SetImageFile looks for it.
    core.FS.writeFile('/input', picture);
    tesseract.SetImageFile(1, 0);
    tesseract.Recognize(null);
    const isText = tesseract.MeanTextConf() >= LEAST_CONFIDENCE;
    const text = isText ? tesseract.GetUTF8Text() : '';
    tesseract.Clear();
    return text.replace(SPACES, '').trim();
  };
}

/** As a file of the format PGM. Undefined when the page shows nothing. */
function draw(page: number): Buffer | undefined {
  if (pdfium.FPDFPage_CountObjects(page) === 0) return undefined;
  const points = [pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)] as const;
  const scale = Math.min(DOTS_PER_POINT, Math.sqrt(MOST_PIXELS / (points[0] * points[1])));
  const [width, height] = [Math.ceil(points[0] * scale), Math.ceil(points[1] * scale)];
  const bitmap = pdfium.FPDFBitmap_CreateEx(width, height, GRAY, 0, 0);
  if (bitmap === 0) throw new RangeError('PDFium has no memory left for a page.');
  pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
  pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, WITH_ANNOTATIONS);
  const head = Buffer.from(`P5\n${width} ${height}\n255\n`);
  const picture = Buffer.alloc(head.length + width * height);
  head.copy(picture);
  const [stride, from] = [pdfium.FPDFBitmap_GetStride(bitmap), pdfium.FPDFBitmap_GetBuffer(bitmap)];
  for (let row = 0; row < height; row += 1) {
    read(from + row * stride, width).copy(picture, head.length + row * width);
  }
  pdfium.FPDFBitmap_Destroy(bitmap);
  return picture;
}
