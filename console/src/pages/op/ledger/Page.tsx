/** Whether the books balance; verified when one asks. */
import { Alert, Button, Card, Flex, Statistic } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { verifyLedger, type Verified } from "@/api/queries/platform";
import { useFormat } from "@/format";
import { CopyField } from "@/parts/CopyField";
import { ErrorCard } from "@/parts/ErrorCard";
import { Logo } from "@/parts/Logo";
import { Page } from "@/parts/Page";
import { When } from "@/parts/When";

export default function Ledger() {
  const { t } = useTranslation("opLedger");
  const query = useQuery({
    queryKey: ["op", "ledger"],
    queryFn: ({ signal }) => verifyLedger(signal),
    // It reads every row there is, so nobody looks twice without asking for it.
    enabled: false,
    staleTime: Infinity,
  });
  return (
    <Page
      title={t("title")}
      about={t("about")}
      actions={
        <Button type="primary" loading={query.isFetching} onClick={() => void query.refetch()}>
          {t("verify")}
        </Button>
      }
    >
      <Flex vertical gap={16}>
        {query.isFetching && <Running />}
        {query.isError && !query.isFetching && <ErrorCard error={query.error} onRetry={() => void query.refetch()} />}
        {query.data !== undefined && <Result found={query.data} />}
        {query.data === undefined && !query.isFetching && !query.isError && <p>{t("notYet")}</p>}
        <Card size="small" title={t("command")}>
          <CopyField label={t("commandAbout")} value="tokenmill ledger verify" />
        </Card>
      </Flex>
    </Page>
  );
}

function Running() {
  const { t } = useTranslation("opLedger");
  const format = useFormat();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((passed) => passed + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Flex gap={8} align="center" role="status">
      <Logo turning size={24} />
      {t("running")} <span aria-hidden="true">{format.duration(seconds * 1_000)}</span>
    </Flex>
  );
}

function Result({ found }: { found: Verified }) {
  const { t } = useTranslation("opLedger");
  const format = useFormat();
  return (
    <>
      <Alert
        type={found.ok ? "success" : "error"}
        showIcon
        title={t(found.ok ? "balanced" : "unbalanced", { count: found.differences.length })}
        description={<When at={found.at} />}
      />
      <div className="tm-grid">
        <Card size="small">
          <Statistic title={t("transfers")} value={found.transfers} formatter={() => format.count(found.transfers)} />
        </Card>
        <Card size="small">
          <Statistic title={t("orphans")} value={found.orphan_holds} formatter={() => format.count(found.orphan_holds)} />
        </Card>
      </div>
      {found.differences.length > 0 && (
        <Card size="small" title={t("differences")}>
          <ul>
            {found.differences.map((difference) => (
              <li key={difference}>
                <code className="tm-mono">{difference}</code>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
