/** Cuts the bytes of a stream into its events, however they were split on the way. */

export interface SseEvent {
  /** Empty where the stream does not name its events. */
  name: string;
  data: string;
}

/** What has been read of an event that is not whole yet. */
export interface Reading {
  bytes: Uint8Array;
  name: string;
  data: readonly string[];
}

export const NOTHING_READ: Reading = { bytes: new Uint8Array(), name: "", data: [] };

const NEWLINE = 10;
const decoder = new TextDecoder();

/** The events that `chunk` completes. Lines end in LF or CRLF, as every server of ours and before ours writes them. */
export function read(reading: Reading, chunk: Uint8Array): [Reading, SseEvent[]] {
  const bytes = joined(reading.bytes, chunk);
  const events: SseEvent[] = [];
  let { name, data } = reading;
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    // Whole lines only are decoded, so that no character is cut in two.
    const line = decoder.decode(bytes.subarray(start, end)).replace(/\r$/, "");
    start = end + 1;
    if (line === "") {
      if (data.length > 0) events.push({ name, data: data.join("\n") });
      [name, data] = ["", []];
    } else if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data = [...data, line.slice(5).replace(/^ /, "")];
  }
  return [{ bytes: bytes.slice(start), name, data }, events];
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before.length === 0) return after;
  const both = new Uint8Array(before.length + after.length);
  both.set(before);
  both.set(after, before.length);
  return both;
}
