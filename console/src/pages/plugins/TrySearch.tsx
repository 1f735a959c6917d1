/** Searches once, as a model would, and shows what a model would be given. */
import { Alert, Card, Collapse, Flex, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { tryWebSearch, type TriedSearch } from "@/api/queries/plugins";
import { useFormat } from "@/format";
import { Empty } from "@/parts/Empty";
import { FaultAlert } from "@/parts/FaultAlert";
import { safeLink } from "@/parts/links";
import { useRefusal } from "@/parts/useRefusal";

export function TrySearch() {
  const { t } = useTranslation(["plugins", "common"]);
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<TriedSearch | null>(null);
  async function search(query: string): Promise<void> {
    if (query.trim() === "") return;
    setBusy(true);
    refusal.clear();
    try {
      setFound(await tryWebSearch(query.trim()));
    } catch (error) {
      setFound(null);
      refusal.refuse(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Card title={<h2 style={{ margin: 0 }}>{t("try")}</h2>}>
      <Flex vertical gap={12}>
        <Input.Search
          aria-label={t("query")}
          placeholder={t("query")}
          enterButton={t("common:action.tryIt")}
          maxLength={400}
          loading={busy}
          disabled={refusal.seconds > 0}
          onSearch={(query) => void search(query)}
        />
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
        <div role="status">{found !== null && <Found found={found} />}</div>
      </Flex>
    </Card>
  );
}

function Found({ found }: { found: TriedSearch }) {
  const { t } = useTranslation("plugins");
  const format = useFormat();
  if (found.error !== null) return <Alert type="error" showIcon title={t("failed")} description={found.error} />;
  return (
    <Flex vertical gap={12}>
      <span>
        {t("brought", { sources: found.sources.length, pages: found.pages, time: format.duration(found.ms) })}
      </span>
      {found.sources.length === 0 && <Empty title={t("nothing")} />}
      {found.sources.length > 0 && (
        <Collapse
          items={found.sources.map((source) => ({
            key: source.url,
            label: source.title || source.url,
            children: (
              <>
                <Address url={source.url} />
                <p>{source.summary}</p>
                <pre className="tm-code" tabIndex={0}>
                  {source.text}
                </pre>
              </>
            ),
          }))}
        />
      )}
    </Flex>
  );
}

function Address({ url }: { url: string }) {
  const href = safeLink(url);
  if (href === null) return <span className="tm-mono">{url}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer" className="tm-mono">
      {url}
    </a>
  );
}
