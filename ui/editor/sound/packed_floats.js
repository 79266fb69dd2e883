// @ts-check
// An answer of the server that is JSON and float32 in one: a length, the JSON, then the floats.

/**
 * The response, with each {at, shape} replaced by its floats.
 * @param {ArrayBuffer} buffer
 * @returns {unknown}
 */
export function unpackFloats(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const floats = new Float32Array(buffer, 4 + size);
  return JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)), (_name, value) => {
    if (!value || typeof value !== "object" || !("at" in value && "shape" in value)) return value;
    return floats.subarray(value.at, value.at + value.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1));
  });
}
