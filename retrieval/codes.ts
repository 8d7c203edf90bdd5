/**
 * Bit codes of vectors: ordered by Hamming distance they rank almost like the vectors themselves, and core PostgreSQL
 * can do that. The thresholds are fixed, so that nothing is trained and a new vector changes no other code.
 */

/** From here on the sign of each dimension is enough. */
const SIGN_DIMENSIONS = 1024;
/** In standard deviations of one dimension, which for a vector of length 1 are 1 / sqrt(dimensions). */
const LEVEL = 0.6;

/**
 * The code of a normalised vector as `0` and `1`, the text form of `bit varying`: one bit a dimension for 1,024
 * dimensions and more, otherwise three (above -t, above 0, above t). Of queries and chunks alike.
 */
export function toCode(vector: Float32Array): string {
  return vector.length >= SIGN_DIMENSIONS ? signs(vector) : levels(vector);
}

function signs(vector: Float32Array): string {
  let code = '';
  for (const value of vector) code += value > 0 ? '1' : '0';
  return code;
}

/** Two values differ in as many of the three bits as there are thresholds between them. */
function levels(vector: Float32Array): string {
  const threshold = LEVEL / Math.sqrt(vector.length);
  let code = '';
  for (const value of vector) {
    if (value > threshold) code += '111';
    else if (value > 0) code += '011';
    else code += value > -threshold ? '001' : '000';
  }
  return code;
}
