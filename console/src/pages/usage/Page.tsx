/** How much was used, of what, since when: a sum, a chart, a table by group, and every single request. */
import { useQuery } from "@tanstack/react-query";
import { Card, Flex } from "antd";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { seriesQuery, type Usage } from "@/api/queries/usage";
import { useFormat } from "@/format";
import { late } from "@/latecomers";
import { Loaded } from "@/parts/Loaded";
import { Loading } from "@/parts/Loading";
import { Page } from "@/parts/Page";
import { usePreferences } from "@/preferences";

import { Breakdown } from "./Breakdown";
import { Controls } from "./Controls";
import { Export } from "./Export";
import { Nothing } from "./Nothing";
import { Receipts } from "./Receipts";
import { spanOf, type Span } from "./range";
import { Totals } from "./Totals";
import { asked, groupOf, useView } from "./useView";

const UsageChart = late(() => import("./UsageChart"));

export default function UsagePage() {
  const { t } = useTranslation(["usage", "common"]);
  const { zone } = usePreferences();
  const [view, put] = useView();
  // Fixed for the visit, so that what is asked for does not change while one looks at it.
  const [now] = useState(() => new Date());
  const span = spanOf(view.range, view.from, view.to, now, zone);
  const series = {
    ...asked(view, span),
    zone,
    step: span.step,
    group: groupOf(view.by),
    ...(view.metric === "ttft" && { times: true }),
  };
  const usage = useQuery(seriesQuery(series));
  const before = useQuery(seriesQuery({ ...asked(view, span.before), zone, step: span.step, ...(view.metric === "ttft" && { times: true }) }));

  return (
    <Page title={t("title")} about={<About usage={usage.data} span={span} updatedAt={usage.dataUpdatedAt} />} actions={<Export asked={{ ...asked(view, span), zone }} span={span} />}>
      <Flex vertical gap={16}>
        <Card size="small">
          <Controls view={view} span={span} put={put} />
        </Card>
        <Loaded query={usage} rows={8}>
          {(data) =>
            data.total.requests === 0 ? (
              <Card>
                <Nothing view={view} put={put} />
              </Card>
            ) : (
              <>
                <Card>
                  <Flex vertical gap={16}>
                    <Totals usage={data} before={before.data} view={view} span={span} />
                    <Suspense fallback={<Loading rows={6} />}>
                      <UsageChart usage={data} view={view} onDay={dayOpener(span, data, put)} />
                    </Suspense>
                  </Flex>
                </Card>
                <Card>
                  <Breakdown usage={data} view={view} put={put} />
                </Card>
              </>
            )
          }
        </Loaded>
        <Card>
          <Receipts view={view} span={span} put={put} />
        </Card>
      </Flex>
    </Page>
  );
}

type Put = ReturnType<typeof useView>[1];

/** A day leads to its hours; the way back is the browser's. */
function dayOpener(span: Span, usage: Usage, put: Put): ((index: number) => void) | undefined {
  if (span.step === "hour") return undefined;
  return (index) => {
    const day = usage.starts[index]?.slice(0, "2026-11-22".length);
    if (day !== undefined) put({ range: null, from: day, to: day }, { back: true });
  };
}

function About({ usage, span, updatedAt }: { usage: Usage | undefined; span: Span; updatedAt: number }) {
  const { t } = useTranslation(["usage", "common"]);
  const format = useFormat();
  const days = span.from === span.to ? format.day(span.since) : `${format.day(span.since)} – ${format.day(new Date(span.until.getTime() - 1))}`;
  const parts = [days, format.zone];
  if (updatedAt > 0) parts.push(t("common:asOf", { time: format.clock(new Date(updatedAt)) }));
  if (usage?.complete_until != null) parts.push(t("completeUpTo", { time: format.dateTime(usage.complete_until) }));
  if (usage?.kept_since != null && Date.parse(usage.kept_since) > span.since.getTime()) {
    parts.push(t("keptSince", { time: format.dateTime(usage.kept_since) }));
  }
  return parts.join(" · ");
}
