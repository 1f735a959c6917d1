/** What one request cost and why: each line to its last digit, where the figures come from, how it went. */
import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { ApiError } from "@/api/errors";
import { exchangeQuery, keptQuery, type ExchangeWhole } from "@/api/queries/usage";
import { useFormat } from "@/format";
import { CopyField } from "@/parts/CopyField";
import { Empty } from "@/parts/Empty";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";

import { Bill } from "./Bill";
import { Facts } from "./Facts";
import { Outcome } from "./Outcome";
import { Steps } from "./Steps";
import { Timeline } from "./Timeline";

export default function ReceiptPage() {
  const { t } = useTranslation(["usage", "common"]);
  const { id = "" } = useParams();
  const exchange = useQuery(exchangeQuery(id));
  const gone = exchange.error instanceof ApiError && exchange.error.status === 404;
  return (
    <Page
      title={t("receipt.title")}
      about={
        <Link to="/usage">
          <ArrowLeftOutlined aria-hidden /> {t("receipt.back")}
        </Link>
      }
      actions={exchange.data !== undefined && <CopyField label={t("receipt.requestId")} value={exchange.data.request_id} inline />}
    >
      {gone ? <Gone onRetry={() => void exchange.refetch()} /> : <Loaded query={exchange} rows={10}>{(found) => <Receipt of={found} />}</Loaded>}
    </Page>
  );
}

function Receipt({ of: exchange }: { of: ExchangeWhole }) {
  const { t } = useTranslation("usage");
  const format = useFormat();
  const { key_name: key, client, stream, at, model, target } = exchange;
  return (
    <Flex vertical gap={16}>
      <Flex gap="4px 12px" wrap align="center">
        <Outcome of={exchange} />
        <span>{format.dateTime(at)}</span>
        <span className="tm-mono">{model}</span>
        <span>{t(stream ? "receipt.streamed" : "receipt.whole")}</span>
        {client !== "unknown" && <span>{client}</span>}
        {key !== "" && <span className="tm-name">{key}</span>}
        {target !== null && <span className="tm-mono">{target}</span>}
      </Flex>
      {exchange.refunded_at !== null && (
        <Alert type="info" showIcon title={t("receipt.refunded", { time: format.dateTime(exchange.refunded_at) })} />
      )}
      <div className="tm-two">
        <Flex vertical gap={16}>
          <Card>
            <Bill of={exchange} />
          </Card>
          <Card>
            <Steps of={exchange.steps} />
          </Card>
        </Flex>
        <Flex vertical gap={16}>
          <Card>
            <Facts of={exchange} />
          </Card>
          <Card>
            <Timeline of={exchange} />
          </Card>
        </Flex>
      </div>
    </Flex>
  );
}

function Gone({ onRetry }: { onRetry: () => void }) {
  const { t } = useTranslation(["usage", "common"]);
  const kept = useQuery(keptQuery);
  const days = kept.data?.days;
  return (
    <Empty title={t("receipt.goneTitle")}>
      <span>
        {days === undefined ? t("receipt.goneUnknown") : days === 0 ? t("receipt.goneForEver") : t("receipt.gone", { days })}
      </span>
      <Button onClick={onRetry}>{t("common:action.retry")}</Button>
    </Empty>
  );
}
