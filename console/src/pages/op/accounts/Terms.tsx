/** What holds for one account alone: its limits, and what models cost it. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Card, Flex, Form, InputNumber } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { clearSpecialPrice, specialPricesQuery, type SpecialPrice } from "@/api/queries/accountMoney";
import { limitAccount, type AccountDetail, type Rates } from "@/api/queries/accounts";
import { useFormat } from "@/format";
import { DataTable, type Column } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { When } from "@/parts/When";

import { PriceDialog } from "./PriceDialog";

export function Terms({ account }: { account: AccountDetail }) {
  return (
    <Flex vertical gap={16}>
      <Limits account={account} />
      <Prices account={account} />
    </Flex>
  );
}

function Limits({ account: { id, limits, deleted_at: deleted } }: { account: AccountDetail }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);

  async function save({ rpm, tpm, concurrency }: Rates): Promise<void> {
    setBusy(true);
    try {
      await limitAccount(id, { rpm: rpm ?? null, tpm: tpm ?? null, concurrency: concurrency ?? null });
      void message.success(t("common:saved"));
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Card title={t("terms.limits")}>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("terms.limitsAbout")}
      </p>
      <Form<Rates> layout="vertical" initialValues={limits} disabled={deleted !== null} onFinish={(given) => void save(given)}>
        <Flex gap={12} wrap align="end">
          {(["rpm", "tpm", "concurrency"] as const).map((name) => (
            <Form.Item key={name} name={name} label={t(`terms.${name}`)} style={{ flex: "1 1 140px", maxWidth: 260, marginBottom: 0 }}>
              <InputNumber min={1} precision={0} placeholder={t("terms.asModels")} style={{ width: "100%" }} />
            </Form.Item>
          ))}
          <Button htmlType="submit" loading={busy}>
            {t("common:action.save")}
          </Button>
        </Flex>
      </Form>
    </Card>
  );
}

function Prices({ account }: { account: AccountDetail }) {
  const { t } = useTranslation("opAccounts");
  const query = useQuery(specialPricesQuery(account.id));
  const [edited, setEdited] = useState<SpecialPrice | "new" | null>(null);
  return (
    <Card title={t("terms.prices")} extra={<Button onClick={() => setEdited("new")}>{t("terms.add")}</Button>}>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("terms.pricesAbout")}
      </p>
      <Loaded query={query} rows={3}>
        {(prices) => <PriceList account={account} prices={prices} onEdit={setEdited} />}
      </Loaded>
      {edited !== null && (
        <PriceDialog account={account} edited={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
      )}
    </Card>
  );
}

interface ListProps {
  account: AccountDetail;
  prices: readonly SpecialPrice[];
  onEdit: (price: SpecialPrice) => void;
}

function PriceList({ account, prices, onEdit }: ListProps) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const format = useFormat();
  const { message, modal } = App.useApp();
  const say = useFaultText();

  const clear = (model: string) =>
    modal.confirm({
      title: t("terms.clearTitle", { model }),
      content: t("terms.clearWhat"),
      okText: t("terms.clear"),
      okButtonProps: { danger: true },
      cancelText: t("common:action.cancel"),
      onOk: async () => {
        try {
          await clearSpecialPrice(account.id, model);
          void message.success(t("terms.cleared"));
        } catch (cause) {
          void message.error(say(cause));
        }
      },
    });

  const columns: Column<SpecialPrice>[] = [
    { key: "model", title: t("terms.model"), heading: true, render: ({ model }) => <code className="tm-mono">{model}</code> },
    {
      key: "money",
      title: t("terms.money"),
      render: ({ prices: own }) => (
        <Rates rates={own.find(({ currency }) => currency === account.currency)} show={(rate) => format.rate(rate, account.currency)} />
      ),
    },
    {
      key: "credits",
      title: t("terms.credits"),
      render: ({ credits }) => <Rates rates={credits ?? undefined} show={format.count} />,
    },
    { key: "since", title: t("terms.since"), render: ({ updated_at: at }) => <When at={at} /> },
  ];
  return (
    <DataTable
      label={t("terms.prices")}
      columns={columns}
      rows={prices}
      rowKey={({ model }) => model}
      empty={<Empty title={t("terms.noPrices")} />}
      actions={(price) => (
        <>
          <Button size="small" onClick={() => onEdit(price)}>
            {t("common:action.edit")}
          </Button>
          <Button size="small" danger onClick={() => clear(price.model)}>
            {t("terms.clear")}
          </Button>
        </>
      )}
    />
  );
}

interface RatesProps {
  rates: { input: string; cached_input: string; output: string } | undefined;
  show: (rate: string) => string;
}

function Rates({ rates, show }: RatesProps) {
  const { t } = useTranslation("opAccounts");
  if (rates === undefined) return <span className="tm-quiet">{t("terms.asCatalogue")}</span>;
  const { input, cached_input: cached, output } = rates;
  const named = [
    [t("terms.cached"), cached],
    [t("terms.input"), input],
    [t("terms.output"), output],
  ] as const;
  return (
    <>
      {named.map(([name, rate]) => (
        <div key={name}>
          <span className="tm-quiet">{name}</span> {show(rate)}
        </div>
      ))}
    </>
  );
}
