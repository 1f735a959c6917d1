/** The tiers as a table: what each costs and brings, and how many hold it. */
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";

import { restorePlan, retirePlan, type Offer } from "@/api/queries/offers";
import { useFormat } from "@/format";
import { usePlanName } from "@/pages/plan/names";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { lasting } from "@/parts/PlanWindows";
import { StatusDot } from "@/parts/StatusDot";
import { usePreferences } from "@/preferences";

import { CURRENCIES } from "./terms";

interface Props {
  offers: readonly Offer[];
  onEdit: (offer: Offer) => void;
}

export function Offers({ offers, onEdit }: Props) {
  const { t } = useTranslation(["opPlans", "common"]);
  const format = useFormat();
  const name = usePlanName();
  const columns: Column<Offer>[] = [
    {
      key: "tier",
      title: t("column.tier"),
      heading: true,
      render: (offer) => (
        <span>
          <span className="tm-name">{name(offer)}</span>
          <code className="tm-mono tm-second">{offer.id}</code>
        </span>
      ),
    },
    {
      key: "state",
      title: t("column.state"),
      render: ({ retired_at: retired }) => (
        <StatusDot status={retired === null ? "success" : "default"} text={t(retired === null ? "onSale" : "retired")} />
      ),
    },
    { key: "holders", title: t("column.holders"), align: "end", render: ({ holders }) => format.count(holders) },
    { key: "price", title: t("column.price"), align: "end", render: (offer) => <Prices of={offer} /> },
    {
      key: "credits",
      title: t("column.credits"),
      align: "end",
      render: ({ credits }) => <span title={format.count(credits)}>{format.compact(credits)}</span>,
    },
    { key: "windows", title: t("column.windows"), render: (offer) => <Windows of={offer} /> },
  ];
  return (
    <DataTable
      label={t("title")}
      columns={columns}
      rows={offers}
      rowKey={({ id }) => id}
      actions={(offer) => (
        <>
          <Button size="small" onClick={() => onEdit(offer)}>
            {t("common:action.edit")}
          </Button>
          <Sale of={offer} />
        </>
      )}
    />
  );
}

function Prices({ of: { prices } }: { of: Offer }) {
  const { t } = useTranslation("opPlans");
  const format = useFormat();
  const shown = (amount: string | null | undefined, currency: string) =>
    amount == null ? t("notSold") : format.money(amount, currency);
  return (
    <>
      {CURRENCIES.map((currency) => (
        <div key={currency} style={{ whiteSpace: "nowrap" }}>
          {shown(prices[currency]?.month, currency)} · {shown(prices[currency]?.year, currency)}
        </div>
      ))}
    </>
  );
}

function Windows({ of: { windows } }: { of: Offer }) {
  const { t } = useTranslation("opPlans");
  const format = useFormat();
  const { language } = usePreferences();
  if (windows.length === 0) return <span className="tm-quiet">{t("noWindows")}</span>;
  return (
    <>
      {windows.map((window) => (
        <div key={window.name}>
          {t("window", { credits: format.compact(window.credits), span: lasting(window.seconds, language) })}
        </div>
      ))}
    </>
  );
}

function Sale({ of: offer }: { of: Offer }) {
  const { t } = useTranslation(["opPlans", "common"]);
  const format = useFormat();
  const name = usePlanName();
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const plan = name(offer);

  async function act(doing: () => Promise<unknown>, said: string): Promise<void> {
    try {
      await doing();
      void message.success(said);
    } catch (cause) {
      void message.error(say(cause));
    }
  }

  if (offer.retired_at !== null) {
    return (
      <Button size="small" onClick={() => void act(() => restorePlan(offer.id), t("restore.done", { plan }))}>
        {t("restore.act")}
      </Button>
    );
  }
  const ask = () =>
    modal.confirm({
      title: t("retire.title", { plan }),
      content: t("retire.what", { count: offer.holders, number: format.count(offer.holders) }),
      okText: t("retire.act"),
      okButtonProps: { danger: true },
      cancelText: t("common:action.cancel"),
      onOk: () => act(() => retirePlan(offer.id), t("retire.done", { plan })),
    });
  return (
    <Button size="small" danger onClick={ask}>
      {t("retire.act")}
    </Button>
  );
}
