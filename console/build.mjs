// Builds the console beside its place, compresses it, and puts it there in one step: a build that fails, or runs
// at the same time as another, leaves a whole one behind.

import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "vite";

const ROOT = new URL("..", import.meta.url).pathname;
const STATIC = join(ROOT, "src/tokenmill/admin/static");
const WORTH_IT = 1024; // Bytes; below, it is the headers that take the time.
const TEXT = /\.(css|js|json|svg|txt|webmanifest)$/;

const brotli = (body) =>
  promisify(brotliCompress)(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
  });
const zipped = (body) => promisify(gzip)(body, { level: 9 });

/** Writes a .br and a .gz beside each file that gets smaller by it, for the server to choose from. */
async function compress(folder) {
  const all = await readdir(folder, { recursive: true });
  const files = all.filter((name) => TEXT.test(name) && !name.startsWith(".vite"));
  await Promise.all(
    files.map(async (name) => {
      const path = join(folder, name);
      const body = await readFile(path);
      if (body.length < WORTH_IT) return;
      const [small, larger] = await Promise.all([brotli(body), zipped(body)]);
      await Promise.all([writeFile(`${path}.br`, small), writeFile(`${path}.gz`, larger)]);
    }),
  );
}

await mkdir(join(ROOT, "build"), { recursive: true });
const work = await mkdtemp(join(ROOT, "build", "static-"));
try {
  const fresh = join(work, "fresh");
  await build({ configFile: "vite.config.ts", logLevel: "warn", build: { outDir: fresh, emptyOutDir: true } });
  await compress(fresh);
  await rename(STATIC, join(work, "old")).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(fresh, STATIC);
} finally {
  await rm(work, { recursive: true, force: true });
}
