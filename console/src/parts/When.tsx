/** A moment, in the chosen zone; how long ago it was comes second. */
import { useFormat } from "@/format";

interface Props {
  at: string;
  /** How long ago it was, in a second line. */
  relative?: boolean;
}

export function When({ at, relative = false }: Props) {
  const format = useFormat();
  return (
    <time dateTime={at} title={`${format.dateTime(at)} · ${format.zone}`}>
      {format.dateTime(at)}
      {relative && (
        <span style={{ display: "block", color: "var(--tm-color-text-tertiary)", fontSize: 12 }}>{format.relative(at)}</span>
      )}
    </time>
  );
}
