/** Filters of a page, kept in the query string so that a view can be shared. */
import { useSearchParams } from "react-router";

export interface Filters<Name extends string> {
  values: Record<Name, string>;
  /** Puts one filter; "" takes it away. */
  put: (name: Name, value: string) => void;
  clear: () => void;
  any: boolean;
}

export function useFilters<Name extends string>(names: readonly Name[]): Filters<Name> {
  const [search, setSearch] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, search.get(name) ?? ""])) as Record<Name, string>;
  const without = (gone: readonly string[]) => new URLSearchParams([...search].filter(([name]) => !gone.includes(name)));
  return {
    values,
    put: (name, value) => {
      const after = without([name]);
      if (value !== "") after.set(name, value);
      setSearch(after, { replace: true });
    },
    clear: () => setSearch(without(names), { replace: true }),
    any: names.some((name) => values[name] !== ""),
  };
}
