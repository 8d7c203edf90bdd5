/** What lies over the pages: fields of forms with their values, and comments. */
import { pdfium, readString } from './pdfium.ts';

/** Numbers of fpdf_annot.h, fpdf_formfill.h and of the PDF standard. */
const LINK = 2;
const POPUP = 16;
const WIDGET = 20;
const CHECKBOX = 2;
const RADIO_BUTTON = 3;
const CHOICES: readonly number[] = [4, 5];
const TEXT_FIELD = 6;
const HIDDEN = 1 << 1;
const NOT_SHOWN = 1 << 5;
const PASSWORD = 1 << 13;

/** Of a button that is not chosen. */
const OFF = 'Off';

type Place = { form: number; annotation: number };

/** One line for each. `form` is the document's form environment. */
export function readAnnotations(form: number, page: number): string[] {
  const count = pdfium.FPDFPage_GetAnnotCount(page);
  if (count === 0) return [];
  pdfium.FORM_OnAfterLoadPage(page, form);
  const lines: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const annotation = pdfium.FPDFPage_GetAnnot(page, index);
    if (annotation === 0) continue;
    const line = readAnnotation({ form, annotation });
    if (line.trim() !== '') lines.push(line);
    pdfium.FPDFPage_CloseAnnot(annotation);
  }
  pdfium.FORM_OnBeforeClosePage(page, form);
  return lines;
}

function readAnnotation({ form, annotation }: Place): string {
  if ((pdfium.FPDFAnnot_GetFlags(annotation) & (HIDDEN | NOT_SHOWN)) !== 0) return '';
  const subtype = pdfium.FPDFAnnot_GetSubtype(annotation);
  if (subtype === WIDGET) return readField({ form, annotation });
  if (subtype === LINK || subtype === POPUP) return '';
  return stringOf(annotation, 'Contents');
}

/** `name: value`. A field without a value, a button that is not chosen, and a password show nothing. */
function readField(place: Place): string {
  const value = valueOf(place).trim();
  if (value === '') return '';
  const { form, annotation } = place;
  const name =
    readString((...to) => pdfium.FPDFAnnot_GetFormFieldAlternateName(form, annotation, ...to)) ||
    readString((...to) => pdfium.FPDFAnnot_GetFormFieldName(form, annotation, ...to));
  return name === '' ? value : `${name}: ${value}`;
}

function valueOf({ form, annotation }: Place): string {
  const type = pdfium.FPDFAnnot_GetFormFieldType(form, annotation);
  if (type === TEXT_FIELD) {
    const isPassword = (pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD) !== 0;
    return isPassword ? '' : fieldValue({ form, annotation });
  }
  if (CHOICES.includes(type)) {
    return optionsOf({ form, annotation }).join(', ') || fieldValue({ form, annotation });
  }
  if (type !== CHECKBOX && type !== RADIO_BUTTON) return '';
  const state = stringOf(annotation, 'AS');
  if (state === '' || state === OFF) return type === CHECKBOX ? OFF : '';
  const exported = readString((...to) =>
    pdfium.FPDFAnnot_GetFormFieldExportValue(form, annotation, ...to),
  );
  return exported || state;
}

/** The chosen ones. */
function optionsOf({ form, annotation }: Place): string[] {
  const count = pdfium.FPDFAnnot_GetOptionCount(form, annotation);
  const labels: string[] = [];
  for (let index = 0; index < count; index += 1) {
    if (!pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index)) continue;
    labels.push(
      readString((...to) => pdfium.FPDFAnnot_GetOptionLabel(form, annotation, index, ...to)),
    );
  }
  return labels;
}

function fieldValue({ form, annotation }: Place): string {
  return readString((...to) => pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, ...to));
}

function stringOf(annotation: number, key: string): string {
  return readString((...to) => pdfium.FPDFAnnot_GetStringValue(annotation, key, ...to));
}
