/** The Base URLs to copy, each beside the key that it takes, and a first call. */
import { useQuery } from "@tanstack/react-query";
import { Card, Flex } from "antd";
import { useTranslation } from "react-i18next";

import { modelsQuery } from "@/api/queries/models";
import { firstStepsQuery } from "@/api/queries/overview";
import { planQuery } from "@/api/queries/plan";
import { Code } from "@/parts/Code";
import { CopyField } from "@/parts/CopyField";
import { Loaded } from "@/parts/Loaded";
import { curlSnippet } from "@/parts/snippets";

export function Addresses() {
  const { t } = useTranslation("overview");
  const steps = useQuery(firstStepsQuery);
  const { data: plan } = useQuery(planQuery);
  const { data: models } = useQuery(modelsQuery);
  const model = models?.find(({ available }) => available)?.id ?? models?.[0]?.id;
  return (
    <Card>
      <h2>{t("urls.title")}</h2>
      <Loaded query={steps} rows={3}>
        {({ base_urls: urls }) => (
          <Flex vertical gap={16}>
            <Pair about={t("urls.balance")} openai={urls.openai} anthropic={urls.anthropic} />
            {plan?.subscription != null && (
              <Pair about={t("urls.plan")} openai={urls.plan_openai} anthropic={urls.plan_anthropic} />
            )}
            {model !== undefined && (
              <div>
                <div style={{ marginBottom: 4 }}>{t("urls.curl")}</div>
                <Code
                  language="bash"
                  label={t("urls.curl")}
                  code={curlSnippet({ key: "YOUR_KEY", model, openai: urls.openai, anthropic: urls.anthropic })}
                />
              </div>
            )}
          </Flex>
        )}
      </Loaded>
    </Card>
  );
}

function Pair({ about, openai, anthropic }: { about: string; openai: string; anthropic: string }) {
  const { t } = useTranslation("overview");
  return (
    <div>
      <div style={{ marginBottom: 4 }}>{about}</div>
      <div className="tm-grid">
        <CopyField label={t("urls.openai")} value={openai} />
        <CopyField label={t("urls.anthropic")} value={anthropic} />
      </div>
    </div>
  );
}
