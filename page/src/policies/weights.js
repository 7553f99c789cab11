// Reads what `mpsearch export` wrote: a card (JSON) and tensors (safetensors).

export const FORMAT = 1;

/** An error that the page explains in a sentence of its own; `code` is a key of its strings. */
export class ExplainedError extends Error {
  constructor(code, detail = "") {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
  }
}

/**
 * Returns the meta-policy of a card and the bytes of its tensors: `{card, tensors}`, where tensors are by name
 * `{shape, values}` with values a Float32Array.
 * Throws an ExplainedError if the card is too new, or the bytes are not what the card describes.
 */
export async function readMetaPolicy(cardText, bytes) {
  let card;
  try {
    card = JSON.parse(cardText);
  } catch {
    throw new ExplainedError("damaged", "the card is not JSON");
  }
  if (!(card?.export?.format >= 1)) throw new ExplainedError("damaged", "the card has no format");
  if (card.export.format > FORMAT) throw new ExplainedError("tooNew", `format ${card.export.format}`);
  if (bytes.byteLength !== card.export.bytes) throw new ExplainedError("damaged", "the file has another size");
  // Browsers have crypto.subtle on https and on this computer. Elsewhere the checks of the structure must do.
  if (globalThis.crypto?.subtle && (await sha256(bytes)) !== card.export.sha256) {
    throw new ExplainedError("damaged", "the file was changed");
  }
  return { card, tensors: readSafetensors(bytes) };
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Returns the tensors of a safetensors file with numbers in half or single precision. */
export function readSafetensors(bytes) {
  try {
    const view = new DataView(bytes);
    const start = 8 + Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, start - 8)));
    delete header.__metadata__;
    return Object.fromEntries(
      Object.entries(header).map(([name, entry]) => [name, readTensor(bytes, start, entry)]),
    );
  } catch (error) {
    throw new ExplainedError("damaged", error.message);
  }
}

function readTensor(bytes, start, { dtype, shape, data_offsets: [from, to] }) {
  const data = bytes.slice(start + from, start + to);
  const readers = {
    F16: () => Float32Array.from(new Uint16Array(data), fromHalf),
    F32: () => new Float32Array(data),
    F64: () => new Float64Array(data),
  };
  const values = readers[dtype]();
  if (values.length !== shape.reduce((a, b) => a * b, 1)) throw new Error("a tensor has another size");
  if (!values.every(Number.isFinite)) throw new Error("a number is not finite");
  return { shape, values };
}

/** Returns the number whose IEEE 754 half-precision bits are `bits`. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}
