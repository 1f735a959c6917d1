/** Who is near a limit now, what models allow, who has limits of their own. */
import { useQuery } from "@tanstack/react-query";
import { Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { limitsQuery, type Limits as Found } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { Empty } from "@/parts/Empty";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { UsedBar } from "@/parts/UsedBar";

export default function Limits() {
  const { t } = useTranslation(["opLimits", "common"]);
  const format = useFormat();
  const query = useQuery(limitsQuery);
  return (
    <Page title={t("title")} about={query.data !== undefined && t("common:asOf", { time: format.clock(query.data.at) })}>
      <Loaded query={query} rows={8}>
        {(limits) => (
          <Flex vertical gap={24}>
            <section>
              <h2>{t("near.title")}</h2>
              <Near limits={limits} />
            </section>
            <section>
              <h2>{t("models.title")}</h2>
              <p className="tm-quiet">{t("models.about")}</p>
              <Models limits={limits} />
            </section>
            <section>
              <h2>{t("own.title")}</h2>
              <p className="tm-quiet">{t("own.about")}</p>
              <Own limits={limits} />
            </section>
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Near({ limits }: { limits: Found }) {
  const { t } = useTranslation("opLimits");
  const format = useFormat();
  const bar = (name: "rpm" | "tpm", used: number, limit: number) => (
    <UsedBar
      label={`${format.count(used)} / ${format.count(limit)}`}
      name={t(name)}
      used={String(used)}
      limit={String(limit)}
    />
  );
  return (
    <DataTable
      label={t("near.title")}
      rows={limits.near}
      rowKey={(each) => `${each.account_id} ${each.model}`}
      empty={<p className="tm-quiet">{t("near.none")}</p>}
      columns={[
        { key: "account", title: t("account"), heading: true, render: (each) => <Account id={each.account_id} email={each.email} /> },
        { key: "model", title: t("model"), render: (each) => each.model },
        { key: "rpm", title: t("rpm"), width: 220, render: (each) => bar("rpm", each.requests, each.rpm) },
        { key: "tpm", title: t("tpm"), width: 220, render: (each) => bar("tpm", each.tokens, each.tpm) },
      ]}
    />
  );
}

function Models({ limits }: { limits: Found }) {
  const { t } = useTranslation("opLimits");
  const format = useFormat();
  return (
    <DataTable
      label={t("models.title")}
      rows={limits.models}
      rowKey={(each) => each.model}
      empty={<Empty title={t("models.none")} />}
      columns={[
        {
          key: "model",
          title: t("model"),
          heading: true,
          render: (each) => <Link to={`/op/models/${each.model}`}>{each.model}</Link>,
        },
        { key: "rpm", title: t("rpm"), align: "end", render: (each) => format.count(each.rpm) },
        { key: "tpm", title: t("tpm"), align: "end", render: (each) => format.count(each.tpm) },
      ]}
      actions={(each) => (
        <LinkButton size="small" to={`/op/models/${each.model}?tab=limits`}>
          {t("change")}
        </LinkButton>
      )}
    />
  );
}

function Own({ limits }: { limits: Found }) {
  const { t } = useTranslation("opLimits");
  const format = useFormat();
  const figure = (value: number | null) => (value === null ? "–" : format.count(value));
  return (
    <DataTable
      label={t("own.title")}
      rows={limits.own}
      rowKey={(each) => each.key_id ?? each.account_id}
      empty={<p className="tm-quiet">{t("own.none")}</p>}
      columns={[
        { key: "account", title: t("account"), heading: true, render: (each) => <Account id={each.account_id} email={each.email} /> },
        { key: "of", title: t("of"), render: (each) => (each.kind === "account" ? t("wholeAccount") : t("key", { name: each.name })) },
        { key: "rpm", title: t("rpm"), align: "end", render: (each) => figure(each.rpm) },
        { key: "tpm", title: t("tpm"), align: "end", render: (each) => figure(each.tpm) },
        { key: "concurrency", title: t("concurrency"), align: "end", render: (each) => figure(each.concurrency) },
      ]}
    />
  );
}

const Account = ({ id, email }: { id: string; email: string }) => <Link to={`/op/accounts/${id}`}>{email}</Link>;
