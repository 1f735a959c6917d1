/** Chooses two days, as `2026-11-22`; apart, since calendars weigh much. */
import { DatePicker } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";

interface Props {
  from: string;
  to: string;
  onChange: (from: string, to: string) => void;
}

const LONGEST = 400;

export default function RangePicker({ from, to, onChange }: Props) {
  const { t } = useTranslation("usage");
  return (
    <DatePicker.RangePicker
      allowClear={false}
      value={[dayjs(from), dayjs(to)]}
      maxDate={dayjs()}
      disabledDate={(day, { from: first }) => first !== undefined && Math.abs(day.diff(first, "day")) >= LONGEST}
      aria-label={t("range")}
      onChange={(days) => {
        const [first, last] = days ?? [];
        if (first != null && last != null) onChange(first.format("YYYY-MM-DD"), last.format("YYYY-MM-DD"));
      }}
    />
  );
}
