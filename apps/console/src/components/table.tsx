import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the end, one below the other. */
  readonly numeric?: boolean;
  /** Left out where the card is too narrow for all columns. */
  readonly secondary?: boolean;
  /** The cell that names its row; by default that of the first column. */
  readonly heads?: boolean;
  /** The heading is for screen readers only: a column of buttons. */
  readonly unnamed?: boolean;
}

interface TableProps<Row> {
  /** For screen readers: what the rows are. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly rowClass?: (row: Row) => string | undefined;
}

/**
 * A table; on a narrow screen each row is a block with the names of its columns. The roles are spelled out because
 * browsers drop those of a table that is laid out in another way.
 */
export function Table<Row>({ caption, columns, rows, keyOf, rowClass }: TableProps<Row>) {
  return (
    <table class="table" role="table">
      <caption class="unseen">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, numeric, secondary, unnamed }) => (
            <th key={name} scope="col" role="columnheader" class={classOf({ numeric, secondary })}>
              {unnamed ? <span class="unseen">{name}</span> : name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" class={rowClass?.(row)}>
            {columns.map((column, index) => (
              <Cell key={column.name} column={column} row={row} heads={column.heads ?? index === 0} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row>({ column, row, heads }: { column: Column<Row>; row: Row; heads: boolean }) {
  const { name, cell, unnamed } = column;
  const given = { class: classOf(column), 'data-label': unnamed ? undefined : name };
  return heads ? (
    <th scope="row" role="rowheader" {...given}>
      {cell(row)}
    </th>
  ) : (
    <td role="cell" {...given}>
      {cell(row)}
    </td>
  );
}

function classOf({ numeric, secondary }: { numeric?: boolean | undefined; secondary?: boolean | undefined }) {
  return [numeric && 'numeric', secondary && 'secondary'].filter(Boolean).join(' ') || undefined;
}
