/** Whether anything is wrong right now, the worst first; how it goes otherwise comes second. */
import { CheckCircleOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Card, Flex, Statistic } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { roomQuery, type Room as Found } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { LinkButton } from "@/parts/LinkButton";
import { Loaded } from "@/parts/Loaded";
import { Page } from "@/parts/Page";
import { State } from "@/parts/TargetState";
import { When } from "@/parts/When";
import "@/style/operator.css";

import { Alarms } from "./Alarms";
import { placeOf } from "./places";

export default function Room() {
  const { t } = useTranslation(["opRoom", "common"]);
  const format = useFormat();
  const query = useQuery(roomQuery);
  const worst = query.data?.alarms[0];
  return (
    <Page
      title={t("title")}
      about={query.data !== undefined && t("common:asOf", { time: format.clock(query.data.at) })}
      actions={
        worst !== undefined && (
          <LinkButton type="primary" to={placeOf(worst)}>
            {t("openWorst")}
          </LinkButton>
        )
      }
    >
      <Loaded query={query} rows={8}>
        {(room) => (
          <Flex vertical gap={16}>
            {room.alarms.length === 0 ? <Calm /> : <Alarms alarms={room.alarms} />}
            <Tiles room={room} />
            <div className="tm-pair">
              <Targets room={room} />
              <Acts room={room} />
            </div>
          </Flex>
        )}
      </Loaded>
    </Page>
  );
}

function Calm() {
  const { t } = useTranslation("opRoom");
  return (
    <div className="tm-calm" role="status">
      <CheckCircleOutlined aria-hidden />
      <span>
        <strong>{t("calm")}</strong>
        <span className="tm-second">{t("calmAbout")}</span>
      </span>
    </div>
  );
}

function Tiles({ room }: { room: Found }) {
  const { t } = useTranslation("opRoom");
  const format = useFormat();
  const { recent } = room;
  const time = (ms: number | null): string => (ms === null ? "–" : format.duration(ms));
  const tiles: [string, ReactNode][] = [
    [t("tile.flying"), format.count(recent.in_flight)],
    [t("tile.requests"), format.compact(recent.requests_per_second)],
    [t("tile.tokens"), format.compact(recent.output_per_second)],
    [t("tile.first"), `${time(recent.first_ms_median)} / ${time(recent.first_ms_p95)}`],
    [t("tile.failed"), recent.ended === 0 ? "–" : format.percent(recent.failed / recent.ended)],
  ];
  return (
    <div className="tm-grid tm-tiles tm-small-tiles">
      {tiles.map(([title, value]) => (
        <Card size="small" key={title}>
          <Statistic title={title} formatter={() => value} />
        </Card>
      ))}
    </div>
  );
}

function Targets({ room }: { room: Found }) {
  const { t } = useTranslation(["opRoom", "common"]);
  return (
    <Card size="small" title={t("common:nav.opTargets")} extra={<Link to="/op/targets">{t("all")}</Link>}>
      {room.targets.length === 0 ? (
        <Link to="/op/targets?new=1">{t("noTargets")}</Link>
      ) : (
        <ul className="tm-states">
          {room.targets.map((target) => (
            <li key={target.id}>
              <Link to={`/op/targets/${encodeURIComponent(target.id)}`}>{target.id}</Link> <State of={target.state} />
              {target.in_flight > 0 && <span className="tm-quiet"> · {t("flying", { count: target.in_flight })}</span>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Acts({ room }: { room: Found }) {
  const { t } = useTranslation("opRoom");
  return (
    <Card size="small" title={t("acts")} extra={<Link to="/op/audit">{t("all")}</Link>}>
      {room.acts.length === 0 ? (
        <span className="tm-quiet">{t("noActs")}</span>
      ) : (
        <ul className="tm-acts">
          {room.acts.map((act) => (
            <li key={`${act.at} ${act.action} ${act.subject}`}>
              <span className="tm-name">
                <code className="tm-mono">{act.action}</code> {act.subject}
                <span className="tm-second">{act.actor}</span>
              </span>
              <span className="tm-quiet">
                <When at={act.at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
