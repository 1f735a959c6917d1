/** Which coding agents there is a guide for, and which of them have been seen here. */
import { Card, Flex } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { firstStepsQuery } from "@/api/queries/overview";
import { toolsQuery } from "@/api/queries/tools";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { StatusDot } from "@/parts/StatusDot";

export default function Tools() {
  const { t } = useTranslation("tools");
  const query = useQuery(toolsQuery);
  const { data: steps } = useQuery(firstStepsQuery);
  return (
    <Page title={t("title")} about={t("about")}>
      <Loaded query={query} rows={8}>
        {(tools) => (
          <ul className="tm-grid" style={{ listStyle: "none", padding: 0, margin: 0 }}>
            {tools.map((tool) => (
              <li key={tool.id}>
                <Card size="small" title={<Link to={`/tools/${tool.id}`}>{tool.name}</Link>}>
                  <Flex vertical gap={8}>
                    <span style={{ color: "var(--tm-color-text-secondary)" }}>
                      {tool.wires.map((wire) => t(`wire.${wire}`)).join(" · ")}
                    </span>
                    <StatusDot
                      {...(steps?.clients.includes(tool.id)
                        ? { status: "success" as const, text: t("seen") }
                        : { status: "default" as const, text: t("notSeen") })}
                    />
                  </Flex>
                </Card>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
