import { describe, expect, it } from 'vitest';
import { csvCell, filterRows, orderText, parseOrder, sortRows, toCsv, type Column } from './table';
import { stack, ticks } from './scale';
import { hashesOf, linksOf } from './hashes';

interface Row {
  name: string;
  size: number | null;
  state: string;
}
const rows: Row[] = [
  { name: 'list 10', size: 3, state: 'active' },
  { name: 'list 9', size: null, state: 'disabled' },
  { name: 'Ärzte', size: 20, state: 'active' },
  { name: 'list 9', size: 3, state: 'active' },
];
const columns: Column<Row>[] = [
  { key: 'name', label: 'Name', value: (row) => row.name },
  { key: 'size', label: 'Size', value: (row) => row.size, text: (row) => (row.size === null ? '' : `${row.size} MB`) },
  { key: 'state', label: 'State', value: (row) => row.state, text: (row) => (row.state === 'active' ? 'Aktiv' : 'Aus') },
];

describe('sorting', () => {
  it('puts list 9 before list 10 and words by the alphabet', () => {
    expect(sortRows(rows, columns, { key: 'name', down: false }).map((row) => row.name)).toEqual(['Ärzte', 'list 9', 'list 9', 'list 10']);
  });
  it('puts numbers by size, and what is missing last both ways', () => {
    expect(sortRows(rows, columns, { key: 'size', down: false }).map((row) => row.size)).toEqual([3, 3, 20, null]);
    expect(sortRows(rows, columns, { key: 'size', down: true }).map((row) => row.size)).toEqual([20, 3, 3, null]);
  });
  it('keeps the order of equals', () => {
    expect(sortRows(rows, columns, { key: 'size', down: true }).filter((row) => row.size === 3).map((row) => row.name)).toEqual(['list 10', 'list 9']);
  });
  it('leaves the rows as they came for a column that is not there', () => {
    expect(sortRows(rows, columns, parseOrder('nonsense'))).toEqual(rows);
    expect(sortRows(rows, columns, null)).toEqual(rows);
  });
  it('does not change what it was given', () => {
    const before = [...rows];
    sortRows(rows, columns, { key: 'size', down: true });
    expect(rows).toEqual(before);
  });
  it('stands in the address', () => {
    expect(orderText(parseOrder('-size'))).toBe('-size');
    expect(orderText(parseOrder('size'))).toBe('size');
    expect(orderText(parseOrder(null))).toBe('');
  });
});

describe('filtering', () => {
  it('finds every word, in any column, in any case, by what is shown and by what it is', () => {
    expect(filterRows(rows, columns, 'LIST aktiv').length).toBe(2);
    expect(filterRows(rows, columns, 'disabled').length).toBe(1);
    expect(filterRows(rows, columns, '20 mb').length).toBe(1);
    expect(filterRows(rows, columns, '  ').length).toBe(4);
    expect(filterRows(rows, columns, 'nothing').length).toBe(0);
  });
});

describe('CSV', () => {
  it('quotes what needs it', () => {
    expect(csvCell('a,"b"\nc')).toBe('"a,""b""\nc"');
    expect(csvCell(null)).toBe('');
    expect(csvCell(-3)).toBe('-3');
  });
  it('defuses what a spreadsheet would run', () => {
    for (const bad of ['=1+1', '+1', '-1', '@x', '\tx']) expect(csvCell(bad).replace(/^"/, '')).toMatch(/^'/);
  });
  it('has a head, a row a line, and the bare values', () => {
    expect(toCsv(rows.slice(0, 1), columns)).toBe('\uFEFFName,Size,State\r\nlist 10,3,active\r\n');
  });
});

describe('charts', () => {
  it('chooses round steps from nought to above the greatest', () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(3)).toEqual([0, 1, 2, 3]);
    for (const greatest of [1, 7, 19, 99, 101, 4321, 1e9]) {
      const marks = ticks(greatest);
      expect(marks[0]).toBe(0);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(greatest);
      expect(marks.length).toBeLessThanOrEqual(7);
    }
  });
  it('stacks areas on each other', () => {
    expect(stack([[1, 2], [3], [0, 5]])).toEqual([
      [{ from: 0, to: 1 }, { from: 1, to: 4 }, { from: 4, to: 4 }],
      [{ from: 0, to: 2 }, { from: 2, to: 2 }, { from: 2, to: 7 }],
    ]);
  });
});

describe('what was pasted', () => {
  it('is hashes by line, comma or space, without notes', () => {
    expect(hashesOf('aa  # note\r\nbb,cc; dd\n\n')).toEqual(['aa', 'bb', 'cc', 'dd']);
  });
  it('keeps a vPDQ value whole', () => {
    expect(hashesOf('["aa,99,0.00", "bb,98,1.00"]')).toEqual(['["aa,99,0.00", "bb,98,1.00"]']);
  });
  it('is links by white space', () => {
    expect(linksOf(' https://a.example/x \n\n https://b.example')).toEqual(['https://a.example/x', 'https://b.example']);
  });
});
