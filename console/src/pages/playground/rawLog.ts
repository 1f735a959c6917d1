/** Keeps the events of the last reply as they came, for the drawer that shows them. */
import { NOTHING_READ, read, type SseEvent } from "@/playground/sse";

/** Events; a reply of 100,000 tokens has more of them than anybody reads. */
const MOST = 2_000;

export class RawLog {
  events: SseEvent[] = [];
  /** How many there were in all. */
  count = 0;
  private reading = NOTHING_READ;

  add(chunk: Uint8Array): void {
    const [reading, events] = read(this.reading, chunk);
    this.reading = reading;
    this.count += events.length;
    for (const event of events) this.events.push(event);
    if (this.events.length > MOST * 2) this.events = this.events.slice(-MOST);
  }

  clear(): void {
    [this.events, this.count, this.reading] = [[], 0, NOTHING_READ];
  }

  /** The last of them. */
  get last(): readonly SseEvent[] {
    return this.events.slice(-MOST);
  }
}
