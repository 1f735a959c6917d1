/** Reads files from the disk into what a request can hold. */
import type { Attached } from "@/playground/machine";

/** In bytes, of one file; as base64 it grows by a third, and a request may have some 50 MB. */
export const LARGEST = 20_000_000;

const TEXTS = /\.(?:txt|md|csv|tsv|json|jsonl|ya?ml|toml|xml|html?|css|m?[jt]sx?|py|rs|go|java|kt|c|h|cc|cpp|hpp|cs|rb|php|sh|sql|log|ini|conf|env|tex)$/i;

/** Throws DOMException when the disk refuses. */
export async function attached(file: File): Promise<Attached> {
  const type = typeOf(file);
  const url = await dataUrl(file);
  return { name: file.name, type, size: file.size, url: `data:${type};base64,${url.slice(url.indexOf(",") + 1)}` };
}

/** Whatever is made of words goes as plain text, which every model reads. */
function typeOf(file: File): string {
  if (file.type.startsWith("text/") || TEXTS.test(file.name)) return "text/plain";
  return file.type || "application/octet-stream";
}

const dataUrl = (file: File): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });

export const isImage = (file: Attached): boolean => /^image\/(?:png|jpeg|gif|webp)$/.test(file.type);
