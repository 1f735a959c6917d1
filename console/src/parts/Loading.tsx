/** What stands where something is still being fetched: its shape at once, a sentence after a second. */
import { Button, Flex, Skeleton } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  rows?: number;
  onCancel?: () => void;
}

export function Loading({ rows = 4, onCancel }: Props) {
  const { t } = useTranslation();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((passed) => passed + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div role="status" aria-busy="true">
      <Skeleton active={seconds > 0} paragraph={{ rows }} title={false} />
      {seconds >= 1 && (
        <Flex gap={12} align="center">
          <span>{t(seconds >= 10 ? "loading.verySlow" : "loading.slow")}</span>
          {seconds >= 10 && onCancel !== undefined && <Button onClick={onCancel}>{t("action.cancel")}</Button>}
        </Flex>
      )}
    </div>
  );
}
