/** What would become of a tier: each field that changes, before and after. */
import { Alert, Flex } from "antd";
import { useTranslation } from "react-i18next";

import type { Offer, Terms } from "@/api/queries/offers";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { lasting } from "@/parts/PlanWindows";
import { usePreferences } from "@/preferences";

interface Props {
  edited: Offer | null;
  before: Terms | null;
  after: Terms;
}

interface Told {
  what: string;
  value: string;
}

export function Preview({ edited, before, after }: Props) {
  const { t } = useTranslation("opPlans");
  const format = useFormat();
  const tell = useTelling();
  const old = before === null ? [] : tell(before);
  const rows = tell(after)
    .map(({ what, value }, index) => ({ what, before: old[index]?.value ?? "–", after: value }))
    .filter((row) => row.before !== row.after);
  const follows =
    edited === null
      ? t("edit.fresh")
      : edited.holders === 0
        ? t("edit.nobody")
        : t("edit.holders", { count: edited.holders, number: format.count(edited.holders) });
  return (
    <Flex vertical gap={16}>
      <Alert type="info" showIcon title={follows} />
      <DataTable
        label={t("edit.preview")}
        rows={rows}
        rowKey={({ what }) => what}
        empty={<Empty title={t("edit.same")} />}
        columns={[
          { key: "what", title: t("edit.what"), heading: true, render: ({ what }) => what },
          ...(before === null ? [] : [{ key: "before", title: t("edit.before"), render: (row: (typeof rows)[number]) => <Value text={row.before} /> }]),
          { key: "after", title: t("edit.after"), render: (row) => <Value text={row.after} /> },
        ]}
      />
    </Flex>
  );
}

const Value = ({ text }: { text: string }) => <span style={{ whiteSpace: "pre-line", overflowWrap: "anywhere" }}>{text}</span>;

/** All terms in words, in the same order each time. */
function useTelling(): (terms: Terms) => Told[] {
  const { t } = useTranslation("opPlans");
  const format = useFormat();
  const { language } = usePreferences();
  const price = (amount: string | null | undefined, currency: string) => (amount == null ? t("notSold") : format.money(amount, currency));
  const lines = (each: readonly string[] | undefined) => (each === undefined || each.length === 0 ? t("noWindows") : each.join("\n"));
  return (terms) => [
    { what: t("field.nameEn"), value: terms.name.en },
    { what: t("field.nameZh"), value: terms.name.zh },
    { what: t("field.rank"), value: format.count(terms.rank ?? 0) },
    { what: t("field.position"), value: terms.position == null ? t("told.asIs") : format.count(terms.position) },
    ...(["USD", "CNY"] as const).flatMap((currency) => [
      { what: t("field.month", { currency }), value: price(terms.prices?.[currency]?.month, currency) },
      { what: t("field.year", { currency }), value: price(terms.prices?.[currency]?.year, currency) },
    ]),
    { what: t("field.credits"), value: format.count(terms.credits) },
    {
      what: t("part.windows"),
      value: lines(
        terms.windows?.map(
          ({ name, seconds, credits }) => `${name}: ${t("window", { credits: format.count(credits), span: lasting(seconds, language) })}`,
        ),
      ),
    },
    {
      what: t("part.offPeak"),
      value: lines(
        terms.off_peak?.map(({ permille, ...hours }) => t("told.offPeak", { ...hours, percent: format.percent(permille / 1_000) })),
      ),
    },
    { what: t("field.models"), value: terms.models == null ? t("told.all") : terms.models.join("\n") },
    { what: t("field.search"), value: t(terms.web_search === true ? "told.yes" : "told.no") },
    { what: t("field.seats"), value: format.count(terms.most_seats ?? 1) },
    { what: t("field.first"), value: format.percent((terms.first_purchase ?? 0) / 1_000) },
  ];
}
