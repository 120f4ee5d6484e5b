const GAP = '  ';

/** Lines of columns as wide as their widest cell, with a heading. */
export function tableLines(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: 'left' | 'right' = 'right',
): string[] {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 || numbers === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP)
      .trimEnd();
  return [line(heading), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)];
}
