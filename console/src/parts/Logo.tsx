/** The mark: a mill stone with its furrows, the grain within, a token leaving through the gap. */
import { usePreferences } from "@/preferences";
import { palettes } from "@/style/tokens";

const FURROW = "M24 12.5 L30.5 15.2";

export function Logo({ size = 28, turning = false }: { size?: number; turning?: boolean }) {
  const { theme } = usePreferences();
  const { link: river, grain } = palettes[theme];
  return (
    <svg width={size} height={size} viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <path
        d="M31.18 39.41 A17 17 0 1 1 40.63 27.53"
        fill="none"
        stroke={river}
        strokeWidth="4.5"
        strokeLinecap="round"
      />
      <g className={turning ? "tm-mill" : undefined} stroke={river} strokeWidth="3" strokeLinecap="round">
        {[0, 120, 240].map((angle) => (
          <path key={angle} d={FURROW} transform={`rotate(${String(angle)} 24 24)`} />
        ))}
      </g>
      <path d="M18.7 29.3 A9.2 9.2 0 0 1 29.3 18.7 A9.2 9.2 0 0 1 18.7 29.3 Z" fill={grain} />
      <rect x="35.5" y="33.5" width="8" height="8" rx="2" fill={grain} />
    </svg>
  );
}
