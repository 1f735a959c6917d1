/** What stands where there is no key yet: why one wants a key, and how it is used. */
import { useQuery } from "@tanstack/react-query";
import { Button, Card } from "antd";
import { useTranslation } from "react-i18next";

import { modelsQuery } from "@/api/queries/models";
import { firstStepsQuery } from "@/api/queries/overview";
import { Code } from "@/parts/Code";
import { Empty } from "@/parts/Empty";
import { curlSnippet } from "@/parts/snippets";

export function NoKey({ onMake }: { onMake: () => void }) {
  const { t } = useTranslation("keys");
  const { data: steps } = useQuery(firstStepsQuery);
  const { data: models } = useQuery(modelsQuery);
  const model = models?.find(({ available }) => available)?.id;
  return (
    <Card>
      <Empty title={t("none")}>
        <span>{t("noneAbout")}</span>
        {steps !== undefined && model !== undefined && (
          <div style={{ width: "100%", maxWidth: 640, textAlign: "start" }}>
            <Code language="bash" label="curl" code={curlSnippet({ key: "YOUR_KEY", model, ...steps.base_urls })} />
          </div>
        )}
        <Button type="primary" onClick={onMake}>
          {t("new")}
        </Button>
      </Empty>
    </Card>
  );
}
