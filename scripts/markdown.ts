/** Opens every page that is made of code, so that nobody edits it by hand. */
export function page(title: string, source: string, ...parts: readonly string[]): string {
  const note = `<!-- Made by "npm run docs" from ${source}. Change that, not this. -->`;
  return [`# ${title}`, note, ...parts].join('\n\n') + '\n';
}

export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

export function code(text: string): string {
  return `\`${text}\``;
}

/** A bar would end the cell, also within code. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
