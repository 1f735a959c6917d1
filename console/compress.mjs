// Writes a .br and a .gz beside each file of the build that gets smaller by it, for the server to choose from.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const STATIC = new URL("../src/tokenmill/admin/static/", import.meta.url).pathname;
const WORTH_IT = 1024; // Bytes; below, it is the headers that take the time.
const TEXT = /\.(css|js|json|svg|txt|webmanifest)$/;

const brotli = (body) =>
  promisify(brotliCompress)(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
  });
const zipped = (body) => promisify(gzip)(body, { level: 9 });

const all = await readdir(STATIC, { recursive: true });
const files = all.filter((name) => TEXT.test(name) && !name.startsWith(".vite"));
await Promise.all(
  files.map(async (name) => {
    const path = join(STATIC, name);
    const body = await readFile(path);
    if (body.length < WORTH_IT) return;
    const [small, larger] = await Promise.all([brotli(body), zipped(body)]);
    await Promise.all([writeFile(`${path}.br`, small), writeFile(`${path}.gz`, larger)]);
  }),
);
