/** A few bars without axes, for a tile; what they say in figures stands beside them. */

interface Props {
  /** What the bars show, for those who do not see them. */
  label: string;
  values: readonly number[];
  /** How many bars there is room for, those to come included. */
  slots: number;
}

const HEIGHT = 40;
const WIDTH = 10;

export function Sparkline({ label, values, slots }: Props) {
  const most = Math.max(1, ...values);
  return (
    <svg
      className="tm-spark"
      viewBox={`0 0 ${String(slots * WIDTH)} ${String(HEIGHT)}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {Array.from({ length: slots }, (_, index) => {
        const value = values[index] ?? 0;
        // A trace where nothing was, so that the hours can be counted.
        const height = value === 0 ? 2 : Math.max(4, (value / most) * HEIGHT);
        return (
          <rect
            key={index}
            x={index * WIDTH + 1}
            y={HEIGHT - height}
            width={WIDTH - 2}
            height={height}
            rx={1}
            className={value === 0 ? "tm-spark-none" : "tm-spark-some"}
          />
        );
      })}
    </svg>
  );
}
