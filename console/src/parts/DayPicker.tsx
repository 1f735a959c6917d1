/** Chooses a day in the future, as `2026-12-31`; apart, since calendars weigh much. */
import { DatePicker } from "antd";
import dayjs from "dayjs";

interface Props {
  id?: string;
  value?: string | null;
  onChange?: (day: string | null) => void;
}

export default function DayPicker({ id, value, onChange }: Props) {
  return (
    <DatePicker
      {...(id !== undefined && { id })}
      style={{ width: "100%" }}
      value={value == null ? null : dayjs(value)}
      minDate={dayjs()}
      onChange={(day) => onChange?.(day === null ? null : day.format("YYYY-MM-DD"))}
    />
  );
}
