/** Hands a file to the browser to be saved. */

export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has to have begun before its source goes.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
