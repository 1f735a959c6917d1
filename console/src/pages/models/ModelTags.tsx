/** A model's abilities, and what is unusual about it. */
import { Flex, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Model } from "@/api/queries/models";
import { When } from "@/parts/When";

import { abilitiesOf } from "./abilities";

export function ModelTags({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  return (
    <Flex gap={4} wrap>
      {abilitiesOf(model).map((ability) => (
        <Tag key={ability} variant="outlined">
          {t(`ability.${ability}`)}
        </Tag>
      ))}
      {model.special && (
        <Tag color="processing" variant="outlined">
          {t("special")}
        </Tag>
      )}
      {!model.available && (
        <Tag color="error" variant="outlined">
          {t("unavailable")}
        </Tag>
      )}
    </Flex>
  );
}

/** That the model goes, when, and what comes after it; nothing for one that stays. */
export function Retiring({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  if (model.retires_at === null) return null;
  return (
    <span>
      {t("retires")} <When at={model.retires_at} />
      {model.successor !== null && (
        <>
          {" → "}
          <Link to={`/models/${model.successor}`}>{model.successor}</Link>
        </>
      )}
    </span>
  );
}
