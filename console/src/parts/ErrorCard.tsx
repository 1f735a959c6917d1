/** What failed, whose fault it is, and how to go on. */
import { Alert, Button, Flex } from "antd";
import { useTranslation } from "react-i18next";

import { asApiError } from "@/api/client";

import { CopyField } from "./CopyField";
import { useFaultText } from "./faults";

interface Props {
  error: unknown;
  onRetry?: () => void;
}

export function ErrorCard({ error: cause, onRetry }: Props) {
  const { t } = useTranslation();
  const say = useFaultText();
  const error = asApiError(cause);
  const gone = error.status === 404;
  const title = gone ? t("error.gone") : error.status === 403 ? t("error.forbidden") : t(`error.${error.blame}`);
  return (
    <Alert
      type="error"
      showIcon
      title={title}
      description={
        <Flex vertical gap={8}>
          {error.blame !== "network" && !gone && <span>{say(error)}</span>}
          {error.requestId !== "" && <CopyField label={t("error.requestId")} value={error.requestId} inline />}
          {onRetry !== undefined && (
            <div>
              <Button onClick={onRetry}>{t("action.retry")}</Button>
            </div>
          )}
        </Flex>
      }
    />
  );
}
