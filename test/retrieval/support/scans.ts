/** Scanned pages: pictures of pages, made by drawing these. */
import { deflateSync } from 'node:zlib';

import { allocate, free, pdfium, read, write } from '../../../retrieval/parser/pdf/pdfium.ts';
import { pdfOf, stream } from './documents.ts';

const SCALE = 300 / 72;
const GRAY = 1;
const WHITE = 0xffffffff;

/** A PDF whose only page is a picture of the first page of `file`. */
export function scanned(file: Buffer): Buffer {
  const { width, height, pixels } = pictureOf(file);
  const size = `${Math.round(width / SCALE)} ${Math.round(height / SCALE)}`;
  const [wide, high] = size.split(' ');
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${size}] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>`,
    stream(`${wide} 0 0 ${high} 0 0 cm /I Do`),
    stream(
      deflateSync(pixels),
      `/Type /XObject /Subtype /Image /Width ${width} /Height ${height} /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode`,
    ),
  ]);
}

function pictureOf(file: Buffer): { width: number; height: number; pixels: Buffer } {
  const memory = allocate(file.length);
  write(file, memory);
  const document = pdfium.FPDF_LoadMemDocument(memory, file.length, '');
  const page = pdfium.FPDF_LoadPage(document, 0);
  const width = Math.ceil(pdfium.FPDF_GetPageWidthF(page) * SCALE);
  const height = Math.ceil(pdfium.FPDF_GetPageHeightF(page) * SCALE);
  const bitmap = pdfium.FPDFBitmap_CreateEx(width, height, GRAY, 0, 0);
  pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
  pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, 0);
  const stride = pdfium.FPDFBitmap_GetStride(bitmap);
  const from = pdfium.FPDFBitmap_GetBuffer(bitmap);
  const rows = Array.from({ length: height }, (_, row) =>
    Buffer.from(read(from + row * stride, width)),
  );
  pdfium.FPDFBitmap_Destroy(bitmap);
  pdfium.FPDF_ClosePage(page);
  pdfium.FPDF_CloseDocument(document);
  free(memory);
  return { width, height, pixels: Buffer.concat(rows) };
}
