import { pageBlocks } from '@holdfast/snippets/pages';

/** The code blocks of a language on a page that a reader sees, in order. */
export async function shownBlocks(page: string, language: string): Promise<string[]> {
  const blocks = await pageBlocks(page);
  return blocks.filter((block) => block.language === language && !block.marks.given).map(({ code }) => code);
}
