// The logic of a table: filter, sort, CSV. No DOM.
export type Cell = string | number | boolean | null | undefined;
export interface Column<Row> {
  key: string;
  label: string;
  // What is sorted, filtered and exported; a Cell alone is shown as it is.
  value: (row: Row) => Cell;
  // Words for people where the value alone is not enough; filtered too.
  text?: (row: Row) => string;
  align?: 'start' | 'end';
  mono?: boolean; // digits to be read one by one
  wide?: boolean; // takes the room that is left
  short?: boolean; // never broken into lines
  data?: boolean; // not words of ours: never translated
}
export interface Order {
  key: string;
  down: boolean;
}

export const shown = <Row>(column: Column<Row>, row: Row): string => {
  if (column.text) return column.text(row);
  const value = column.value(row);
  return value === null || value === undefined ? '' : String(value);
};

// Every word must stand somewhere in the row.
export function filterRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], asked: string): Row[] {
  const words = asked.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...rows];
  return rows.filter((row) => {
    const text = columns.map((column) => `${shown(column, row)}\n${column.value(row) ?? ''}`).join('\n').toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

// Numbers by size, words by the reader's alphabet ("list 9" before "list 10"), what is missing always last.
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order | null, tag = 'en'): Row[] {
  const column = order && columns.find((candidate) => candidate.key === order.key);
  if (!order || !column) return [...rows];
  const words = new Intl.Collator(tag, { numeric: true, sensitivity: 'base' });
  const missing = (value: Cell) => value === null || value === undefined || value === '';
  return rows
    .map((row, at) => ({ row, at, value: column.value(row) }))
    .sort((a, b) => {
      if (missing(a.value) || missing(b.value)) return Number(missing(a.value)) - Number(missing(b.value)) || a.at - b.at;
      const by = typeof a.value === 'string' || typeof b.value === 'string' ? words.compare(String(a.value), String(b.value)) : Number(a.value) - Number(b.value);
      return (order.down ? -by : by) || a.at - b.at;
    })
    .map((entry) => entry.row);
}

// RFC 4180. A spreadsheet would run a cell that begins like a formula: it gets an apostrophe before it.
export function csvCell(value: Cell): string {
  let text = value === null || value === undefined ? '' : String(value);
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
export function toCsv<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [columns.map((column) => csvCell(column.label)), ...rows.map((row) => columns.map((column) => csvCell(column.value(row))))];
  return `\uFEFF${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}

// "-bytes": by bytes, greatest first.
export const parseOrder = (text: string | null): Order | null => (text ? { key: text.replace(/^-/, ''), down: text.startsWith('-') } : null);
export const orderText = (order: Order | null): string => (order ? (order.down ? '-' : '') + order.key : '');
