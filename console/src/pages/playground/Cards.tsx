/** What one may try in an empty conversation; a card fills in, and one sends by oneself. */
import { BulbOutlined, FileImageOutlined, GlobalOutlined, ToolOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Model } from "@/api/queries/models";

export type Card = "think" | "tool" | "search" | "image";

const CARDS: readonly { card: Card; icon: ReactNode; fits: (model: Model) => boolean }[] = [
  { card: "think", icon: <BulbOutlined aria-hidden />, fits: (model) => model.thinking !== "never" },
  { card: "tool", icon: <ToolOutlined aria-hidden />, fits: () => true },
  { card: "search", icon: <GlobalOutlined aria-hidden />, fits: (model) => model.web_search },
  { card: "image", icon: <FileImageOutlined aria-hidden />, fits: (model) => model.input.includes("image") },
];

export function Cards({ model, onTake }: { model: Model; onTake: (card: Card) => void }) {
  const { t } = useTranslation("playground");
  return (
    <div className="tm-welcome">
      <h2>{t("welcome.title")}</h2>
      <p className="tm-hint">{t("welcome.hint", { model: model.id })}</p>
      <div className="tm-prompt-cards">
        {CARDS.map(({ card, icon, fits }) => (
          <button key={card} type="button" className="tm-prompt-card" disabled={!fits(model)} onClick={() => onTake(card)}>
            <span className="tm-prompt-icon">{icon}</span>
            <strong>{t(`cards.${card}.title`)}</strong>
            <span className="tm-hint">{t(fits(model) ? `cards.${card}.about` : "cards.unfit")}</span>
          </button>
        ))}
      </div>
    </div>
  );
}
