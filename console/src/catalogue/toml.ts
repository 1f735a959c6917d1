/** Writes entries in the form of a catalogue file, and takes those of the API apart to compare them. */

export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value | undefined };

/** One table; members that are undefined are left to their defaults, null says that there is none. */
export function writeEntry(table: "targets" | "models", entry: Readonly<Record<string, Value | undefined>>): string {
  const lines = Object.entries(entry)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${write(value as Value)}`);
  return [`[[${table}]]`, ...lines, ""].join("\n");
}

function write(value: Value): string {
  if (value === null) return '"none"';
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join(", ")}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  if (members.length === 0) return '"none"';
  return `{ ${members.map(([name, member]) => `${name} = ${write(member as Value)}`).join(", ")} }`;
}

/** TOML's strings are JSON's, but for one character that has to be escaped. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll("\u007f", "\\u007f");

export interface Difference {
  /** As `price.USD.input`. */
  field: string;
  before: string | null;
  after: string | null;
}

/** Which fields differ between two entries, in the order of the second; null: it is a new one. */
export function differences(before: string | null, after: string): Difference[] {
  const old = before === null ? new Map<string, string>() : leaves(before);
  const now = leaves(after);
  const fields = [...now.keys(), ...[...old.keys()].filter((field) => !now.has(field))];
  return fields
    .map((field) => ({ field, before: old.get(field) ?? null, after: now.get(field) ?? null }))
    .filter((each) => each.before !== each.after);
}

/** Every value of an entry that the API has written, by its path. */
export function leaves(toml: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of toml.split("\n")) {
    const cut = line.indexOf(" = ");
    if (cut < 0 || line.startsWith("#")) continue;
    spread(new Scanner(line.slice(cut + 3)).value(), line.slice(0, cut), found);
  }
  return found;
}

type Parsed = string | Parsed[] | Map<string, Parsed>;

function spread(value: Parsed, path: string, into: Map<string, string>): void {
  if (value instanceof Map) for (const [name, member] of value) spread(member, `${path}.${name}`, into);
  else if (Array.isArray(value) && value.some((item) => item instanceof Map))
    value.forEach((item, index) => spread(item, `${path}[${String(index)}]`, into));
  else into.set(path, Array.isArray(value) ? value.join(", ") : value);
}

/** Reads one value of the little of TOML that the API writes. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  value(): Parsed {
    this.blanks();
    switch (this.text[this.at]) {
      case '"':
        return JSON.parse(this.take(/"(?:[^"\\]|\\.)*"/y)) as string;
      case "[":
        return this.items("]", () => this.value());
      case "{":
        return new Map(
          this.items("}", () => {
            const name = this.take(/[A-Za-z0-9_-]+/y);
            this.take(/\s*=\s*/y);
            return [name, this.value()] as const;
          }),
        );
      default:
        return this.take(/[^\s,\]}]+/y);
    }
  }

  private items<T>(end: string, read: () => T): T[] {
    const found: T[] = [];
    this.at += 1;
    for (this.blanks(); this.text[this.at] !== end; this.blanks()) {
      found.push(read());
      this.take(/\s*,?/y);
    }
    this.at += 1;
    return found;
  }

  private blanks(): void {
    this.take(/\s*/y);
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw new SyntaxError(`unexpected at ${String(this.at)}: ${this.text}`);
    this.at += found.length;
    return found;
  }
}
