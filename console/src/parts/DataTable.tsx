/** Rows as a table, and as cards where the window is narrow; every action stays in reach of a finger. */
import { Button, Flex, Table } from "antd";
import type { Key, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { TABLES } from "@/style/tokens";

import { useWidth } from "./useWidth";

export interface Column<Row> {
  key: string;
  title: string;
  render: (row: Row) => ReactNode;
  /** Numbers stand at the end. */
  align?: "start" | "end";
  width?: number;
  /** Without its title on a card: what names the row. */
  heading?: boolean;
}

interface Props<Row> {
  /** What the table holds, for those who do not see it. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => Key;
  /** Buttons of the row. */
  actions?: (row: Row) => ReactNode;
  empty?: ReactNode;
  /** The row that has just been made or changed. */
  marked?: Key | null;
  /** More rows are there; see `useInfiniteQuery`. */
  onMore?: (() => void) | undefined;
  loadingMore?: boolean;
}

export function DataTable<Row extends object>(props: Props<Row>) {
  const { t } = useTranslation();
  const wide = useWidth(TABLES);
  if (props.rows.length === 0 && props.empty !== undefined) return <>{props.empty}</>;
  return (
    <Flex vertical gap={12}>
      {wide ? <Rows {...props} /> : <Cards {...props} />}
      {props.onMore !== undefined && (
        <Flex justify="center">
          <Button onClick={props.onMore} loading={props.loadingMore ?? false}>
            {t("action.more")}
          </Button>
        </Flex>
      )}
    </Flex>
  );
}

function Rows<Row extends object>({ label, columns, rows, rowKey, actions, marked }: Props<Row>) {
  const { t } = useTranslation();
  return (
    <div role="region" aria-label={label} tabIndex={0} style={{ overflowX: "auto" }}>
      <Table<Row>
        size="middle"
        pagination={false}
        dataSource={[...rows]}
        rowKey={rowKey}
        virtual={false}
        onRow={(row) => ({ "aria-current": rowKey(row) === marked ? "true" : undefined })}
        rowClassName={(row) => (rowKey(row) === marked ? "tm-marked" : "")}
        columns={[
          ...columns.map((column) => ({
            key: column.key,
            title: column.title,
            ...(column.width !== undefined && { width: column.width }),
            align: column.align ?? ("start" as const),
            render: (_: unknown, row: Row) => column.render(row),
          })),
          ...(actions === undefined
            ? []
            : [
                {
                  key: "actions",
                  title: <span className="tm-hidden">{t("action.actions")}</span>,
                  align: "end" as const,
                  render: (_: unknown, row: Row) => (
                    <Flex gap={4} justify="end">
                      {actions(row)}
                    </Flex>
                  ),
                },
              ]),
        ]}
      />
    </div>
  );
}

function Cards<Row extends object>({ label, columns, rows, rowKey, actions, marked }: Props<Row>) {
  const headings = columns.filter((column) => column.heading);
  const rest = columns.filter((column) => !column.heading);
  return (
    <ul className="tm-cards" aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)} className={rowKey(row) === marked ? "tm-marked" : undefined}>
          <Flex vertical gap={8}>
            {headings.map((column) => (
              <strong key={column.key}>{column.render(row)}</strong>
            ))}
            <dl>
              {rest.map((column) => (
                <div key={column.key} style={{ display: "contents" }}>
                  <dt>{column.title}</dt>
                  <dd>{column.render(row)}</dd>
                </div>
              ))}
            </dl>
            {actions !== undefined && (
              <Flex gap={8} wrap>
                {actions(row)}
              </Flex>
            )}
          </Flex>
        </li>
      ))}
    </ul>
  );
}
