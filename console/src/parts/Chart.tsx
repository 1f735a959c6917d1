/** A chart on canvas, with the table that says the same for those who read rather than look. */
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent,
  DatasetComponent,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
} from "echarts/components";
import { init, use as register, type ComposeOption, type ECharts } from "echarts/core";
import type { BarSeriesOption, LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, LegendComponentOption, TooltipComponentOption } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { Button, Segmented } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { usePreferences } from "@/preferences";
import { fontFamily, palettes } from "@/style/tokens";

register([
  BarChart, LineChart, GridComponent, TooltipComponent, LegendComponent, DatasetComponent, AriaComponent,
  DataZoomComponent, CanvasRenderer,
]);

type Option = ComposeOption<
  BarSeriesOption | LineSeriesOption | GridComponentOption | LegendComponentOption | TooltipComponentOption
>;

export interface Series {
  name: string;
  /** One for each category, NaN where nothing is known; for drawing alone, what is read comes from `show`. */
  values: readonly number[];
  color: string;
}

interface Props {
  /** What the chart shows, in a sentence with its main figures. */
  summary: string;
  categories: readonly string[];
  series: readonly Series[];
  kind?: "bar" | "line";
  height?: number;
  show: (value: number) => string;
  /** A category was chosen, by its index; `openLabel` says what that leads to. */
  onOpen?: ((index: number) => void) | undefined;
  openLabel?: (category: string) => string;
}

export function Chart(props: Props) {
  const { t } = useTranslation();
  const [asTable, setAsTable] = useState(false);
  return (
    <figure style={{ margin: 0, minWidth: 0 }}>
      <figcaption className="tm-hidden">{props.summary}</figcaption>
      <Segmented
        size="small"
        aria-label={t("viewAs")}
        value={asTable ? "table" : "chart"}
        onChange={(value) => setAsTable(value === "table")}
        options={[
          { value: "chart", label: t("action.asChart") },
          { value: "table", label: t("action.asTable") },
        ]}
      />
      {asTable ? <Twin {...props} /> : <Canvas {...props} />}
    </figure>
  );
}

function Canvas({ summary, categories, series, kind = "bar", height = 280, show, onOpen }: Props) {
  const { theme } = usePreferences();
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(null);
  const open = useRef(onOpen);
  useEffect(() => {
    open.current = onOpen;
  });
  useEffect(() => {
    if (place.current === null) return;
    const made = init(place.current, null, { renderer: "canvas" });
    chart.current = made;
    // Anywhere above a category, since a bar may be too low to be hit.
    made.getZr().on("click", ({ offsetX, offsetY }) => {
      const at = [offsetX, offsetY];
      if (!made.containPixel({ gridIndex: 0 }, at)) return;
      const [index] = made.convertFromPixel({ gridIndex: 0 }, at) as unknown as number[];
      if (index !== undefined) open.current?.(index);
    });
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, [theme]);
  useEffect(() => {
    chart.current?.setOption(optionOf({ categories, series, kind, show }, palettes[theme]), true);
  }, [categories, series, kind, show, theme]);
  return (
    <div
      ref={place}
      role="img"
      aria-label={summary}
      className={onOpen === undefined ? undefined : "tm-opens"}
      style={{ width: "100%", height }}
    />
  );
}

function Twin({ summary, categories, series, show, onOpen, openLabel }: Props) {
  return (
    <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={summary}>
      <table className="tm-twin">
        <thead>
          <tr>
            <td />
            {series.map((each) => (
              <th key={each.name} scope="col">
                {each.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {categories.map((category, row) => (
            <tr key={category}>
              <th scope="row">
                {onOpen === undefined ? (
                  category
                ) : (
                  <Button type="link" size="small" aria-label={openLabel?.(category)} onClick={() => onOpen(row)}>
                    {category}
                  </Button>
                )}
              </th>
              {series.map(({ name, values }) => (
                <td key={name}>{Number.isNaN(values[row]) ? "–" : show(values[row] ?? 0)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Drawn = Pick<Props, "categories" | "series" | "show"> & { kind: "bar" | "line" };

function optionOf({ categories, series, kind, show }: Drawn, palette: (typeof palettes)["light"]): Option {
  const text = { color: palette.textSecondary, fontFamily };
  return {
    animation: false,
    textStyle: text,
    aria: { enabled: true, decal: { show: kind === "bar" && series.length > 1 } },
    grid: { left: 8, right: 8, top: 16, bottom: series.length > 1 ? 36 : 8, containLabel: true },
    // Rich text, since HTML of its own would need styles that the policy refuses.
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      valueFormatter: (value) => (Number.isNaN(Number(value)) ? "–" : show(Number(value))),
      backgroundColor: palette.elevated,
      borderColor: palette.split,
      textStyle: { color: palette.text, fontFamily },
    },
    ...(series.length > 1 && { legend: { bottom: 0, type: "scroll", textStyle: text } }),
    xAxis: { type: "category", data: [...categories], axisLabel: text, axisLine: { lineStyle: { color: palette.border } } },
    yAxis: { type: "value", axisLabel: { ...text, formatter: show }, splitLine: { lineStyle: { color: palette.split } } },
    series: series.map((each) =>
      kind === "bar"
        ? { type: "bar", stack: "all", name: each.name, data: [...each.values], color: each.color, barMaxWidth: 40 }
        : {
            type: "line",
            name: each.name,
            data: [...each.values],
            color: each.color,
            // A point between gaps is nothing but its symbol.
            showSymbol: each.values.some(Number.isNaN),
          },
    ),
  };
}
