/** Can I call now, what is left, and what did today cost? */
import { useQuery } from "@tanstack/react-query";
import { Flex } from "antd";
import { useTranslation } from "react-i18next";

import { seriesQuery } from "@/api/queries/usage";
import { startOfDay } from "@/format/times";
import { useFormat } from "@/format";
import { Page } from "@/parts/Page";
import { useWidth } from "@/parts/useWidth";
import { usePreferences } from "@/preferences";
import { TABLES } from "@/style/tokens";

import { Addresses } from "./Addresses";
import { Balance } from "./Balance";
import { FirstSteps } from "./FirstSteps";
import { Plan } from "./Plan";
import { Recent } from "./Recent";
import { StandIns } from "./StandIns";
import { Today } from "./Today";

export default function Overview() {
  const { t } = useTranslation(["overview", "common"]);
  const format = useFormat();
  const { zone } = usePreferences();
  // On a phone the first screen belongs to what is left and what was used.
  const wide = useWidth(TABLES);
  const since = startOfDay(new Date(), zone).toISOString();
  const today = useQuery(seriesQuery({ step: "hour", since, zone }));
  const asOf = today.data === undefined ? "" : ` · ${t("common:asOf", { time: format.clock(new Date(today.dataUpdatedAt)) })}`;
  return (
    <Page title={t("title")} about={`${format.zone}${asOf}`}>
      <Flex vertical gap={16}>
        {wide && <StandIns />}
        <div className="tm-grid tm-tiles">
          <Balance />
          <Plan />
          <Today query={today} />
        </div>
        {!wide && <StandIns />}
        <FirstSteps />
        <Addresses />
        <Recent />
      </Flex>
    </Page>
  );
}
