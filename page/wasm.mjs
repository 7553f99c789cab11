// WebAssembly files are a header and sections: a byte for the type, the length (LEB128), and the content.

const HEADER = 8; // bytes
const CUSTOM = 0; // the type of sections that do not change what the program does, such as names for debuggers

/** Returns a WebAssembly file without its custom sections. They are more than half of MuJoCo's. */
export function withoutDebugging(wasm) {
  const kept = [wasm.subarray(0, HEADER)];
  for (let start = HEADER; start < wasm.length; ) {
    let [end, shift, byte] = [start + 1, 0, 0];
    let length = 0;
    do {
      byte = wasm[end++];
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    end += length;
    if (wasm[start] !== CUSTOM) kept.push(wasm.subarray(start, end));
    start = end;
  }
  return Buffer.concat(kept);
}
