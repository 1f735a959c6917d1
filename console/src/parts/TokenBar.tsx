/** Of which kinds some tokens are: a bar in their colours, with the figures for those who read. */
import { useTranslation } from "react-i18next";

import { useFormat } from "@/format";
import { usePreferences } from "@/preferences";
import { TOKEN_KINDS, tokenKinds, type TokenKind } from "@/style/charts";

interface Props {
  kinds: Record<TokenKind, number>;
}

export function TokenBar({ kinds }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { theme } = usePreferences();
  const some = TOKEN_KINDS.filter((kind) => kinds[kind] > 0);
  const all = some.reduce((sum, kind) => sum + kinds[kind], 0);
  if (all === 0) return null;
  const said = some.map((kind) => `${t(`kind.${kind}`)} ${format.count(kinds[kind])}`).join(" · ");
  return (
    <span role="img" aria-label={said} title={said} className="tm-kinds">
      {some.map((kind) => (
        <span key={kind} style={{ flex: kinds[kind] / all, background: tokenKinds[theme][kind] }} />
      ))}
    </span>
  );
}

/** A kind's name beside its colour. */
export function TokenKindName({ kind, children }: { kind: TokenKind; children: string }) {
  const { theme } = usePreferences();
  return (
    <span className="tm-kind-name">
      <span aria-hidden="true" style={{ background: tokenKinds[theme][kind] }} />
      {children}
    </span>
  );
}
