/** What is wrong, in words, with the way to where it can be put right. */
import { Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Alarm } from "@/api/queries/catalogue";
import { StatusDot } from "@/parts/StatusDot";
import { When } from "@/parts/When";

import { placeOf } from "./places";

const DOTS = { error: "error", warning: "warning", info: "processing" } as const;

export function Alarms({ alarms }: { alarms: readonly Alarm[] }) {
  const { t } = useTranslation("opRoom");
  return (
    <section>
      <h2>{t("attention", { count: alarms.length })}</h2>
      <ul className="tm-alarms">
        {alarms.map((alarm) => (
          <li key={`${alarm.kind} ${alarm.subject}`} className={`tm-alarm tm-alarm-${alarm.severity}`}>
            <StatusDot status={DOTS[alarm.severity]} text={t(`severity.${alarm.severity}`)} />
            <span className="tm-alarm-words">
              <Link to={placeOf(alarm)}>
                <strong>{t(`alarm.${alarm.kind}`, { subject: alarm.subject, count: alarm.count })}</strong>
              </Link>
              {alarm.about !== "" && <span className="tm-second tm-name">{alarm.about}</span>}
            </span>
            {alarm.since != null && (
              <Flex gap={4} className="tm-quiet">
                {t(alarm.kind === "model_retires" ? "on" : "since")} <When at={alarm.since} />
              </Flex>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
