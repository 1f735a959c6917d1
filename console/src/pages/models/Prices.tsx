/** What a model costs: in money per million tokens, in Credits per token. */
import { Descriptions, Flex } from "antd";
import { useTranslation } from "react-i18next";

import type { Model } from "@/api/queries/models";
import { useFormat } from "@/format";

export function Prices({ model }: { model: Model }) {
  const { t } = useTranslation(["models", "common"]);
  const format = useFormat();
  const { price, credits } = model;
  const perMillion = (amount: string, currency: string) =>
    t("common:perMillion", { price: format.rate(amount, currency) });
  return (
    <Flex vertical gap={16}>
      {price === null ? (
        <p>{t("notForSale")}</p>
      ) : (
        <Descriptions
          title={t("payAsYouGo")}
          column={1}
          size="small"
          bordered
          items={[
            { key: "fresh", label: t("common:kind.fresh"), children: perMillion(price.input, price.currency) },
            { key: "cached", label: t("common:kind.cached"), children: perMillion(price.cached_input, price.currency) },
            { key: "written", label: t("written"), children: perMillion(price.written_input, price.currency) },
            { key: "output", label: t("common:kind.output"), children: perMillion(price.output, price.currency) },
            {
              key: "search",
              label: t("webSearch"),
              children:
                price.web_search === null ? t("notSold") : t("perCall", { price: format.rate(price.web_search, price.currency) }),
            },
          ]}
        />
      )}
      {credits === null ? (
        <p>{t("notInPlans")}</p>
      ) : (
        <Descriptions
          title={t("inPlans")}
          column={1}
          size="small"
          bordered
          items={[
            { key: "fresh", label: t("common:kind.fresh"), children: t("creditsPerToken", { credits: format.count(credits.input) }) },
            {
              key: "cached",
              label: t("common:kind.cached"),
              children: t("creditsPerToken", { credits: format.count(credits.cached_input) }),
            },
            { key: "output", label: t("common:kind.output"), children: t("creditsPerToken", { credits: format.count(credits.output) }) },
          ]}
        />
      )}
    </Flex>
  );
}
