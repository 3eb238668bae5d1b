// Writes a file again beside it, compressed with Brotli as densely as it goes: `node compress.mjs FILE`.
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";

const path = process.argv[2];
const bytes = readFileSync(path);
const params = {
  [constants.BROTLI_PARAM_QUALITY]: 11,
  // As far back as every browser must look.
  [constants.BROTLI_PARAM_LGWIN]: 22,
  [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
};
writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
