/** What stands instead of a page that cannot be shown. */
import { Flex } from "antd";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { isRouteErrorResponse, useRouteError } from "react-router";

import { asApiError } from "@/api/client";
import { Empty } from "@/parts/Empty";
import { ErrorCard } from "@/parts/ErrorCard";
import { LinkButton } from "@/parts/LinkButton";

export default function Problem() {
  const { t } = useTranslation();
  const error = useRouteError();
  const status = isRouteErrorResponse(error) ? error.status : error instanceof Response ? error.status : 0;
  const known = status === 403 || status === 404;
  const title = status === 403 ? t("error.forbidden") : status === 404 ? t("error.notFound") : t("error.us");
  useEffect(() => {
    document.title = `${title} · TokenMill`;
  }, [title]);
  return (
    <div className="tm-page">
      {known ? (
        <Flex vertical align="center">
          <Empty title={String(status)}>
            <h1>{title}</h1>
            <LinkButton type="primary" to="/">
              {t("action.toOverview")}
            </LinkButton>
          </Empty>
        </Flex>
      ) : (
        <>
          <h1 className="tm-hidden">{title}</h1>
          <ErrorCard error={asApiError(error)} onRetry={() => location.reload()} />
        </>
      )}
    </div>
  );
}
