/** A count in short, for tiles; the whole number is in its title. */
import { useFormat } from "@/format";

export function Count({ value }: { value: number | string }) {
  const format = useFormat();
  return <span title={format.count(value)}>{format.compact(value)}</span>;
}
