/** Three steps from an empty account to a first answer; each ticks itself when it has happened. */
import { CheckCircleFilled } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Card } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { firstStepsQuery, type FirstSteps as Steps } from "@/api/queries/overview";
import { useFormat } from "@/format";

export function FirstSteps() {
  const { data } = useQuery(firstStepsQuery);
  return data === undefined ? null : <Shown steps={data} />;
}

function Shown({ steps }: { steps: Steps }) {
  const { t } = useTranslation("overview");
  const [finishedBefore] = useState(isFinished(steps));
  // Whoever has just finished sees the last tick; whoever comes back has seen it.
  if (finishedBefore) return null;
  const { has_key: hasKey, key_used: used, answered, clients } = steps;
  return (
    <Card>
      <h2>{t("steps.title")}</h2>
      <ol className="tm-steps">
        <Step done={hasKey} title={t("steps.key")} act={<Go to="/keys?new=1" label={t("steps.newKey")} first={!hasKey} />}>
          {t("steps.keyWhat")}
        </Step>
        <Step done={used} title={t("steps.tool")} act={<Go to="/tools" label={t("steps.toTools")} first={hasKey && !used} />}>
          {used && clients.length > 0 ? t("steps.toolSeen", { tools: clients.join(", ") }) : t("steps.toolWhat")}
        </Step>
        <Step
          done={answered !== null}
          title={t("steps.answer")}
          act={<Go to="/playground" label={t("steps.toPlayground")} first={false} />}
        >
          {answered === null ? t("steps.answerWhat") : <Answered {...answered} />}
        </Step>
      </ol>
      {isFinished(steps) && <p style={{ margin: "12px 0 0" }}>{t("steps.done")}</p>}
    </Card>
  );
}

const isFinished = ({ has_key: key, key_used: used, answered }: Steps): boolean => key && used && answered !== null;

function Answered({ model, at, first_ms: first }: NonNullable<Steps["answered"]>) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const time = format.dateTime(at);
  return first === null
    ? t("steps.answered", { model, time })
    : t("steps.answeredFast", { model, time, first: format.duration(first) });
}

interface StepProps {
  done: boolean;
  title: string;
  act: ReactNode;
  children: ReactNode;
}

function Step({ done, title, act, children }: StepProps) {
  const { t } = useTranslation("overview");
  return (
    <li className={done ? "tm-step tm-step-done" : "tm-step"}>
      <span className="tm-step-mark">
        {done && <CheckCircleFilled aria-hidden />}
        <span className="tm-hidden">{t(done ? "steps.isDone" : "steps.isOpen")}</span>
      </span>
      <div className="tm-step-words">
        <strong>{title}</strong>
        <span className="tm-quiet">{children}</span>
      </div>
      {!done && act}
    </li>
  );
}

function Go({ to, label, first }: { to: string; label: string; first: boolean }) {
  return (
    <Link to={to}>
      <Button type={first ? "primary" : "default"} tabIndex={-1}>
        {label}
      </Button>
    </Link>
  );
}
