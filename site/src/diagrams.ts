import type { MarkdownRenderer } from 'vitepress';

/** Blocks of `mermaid` become the component that draws them; its text stands there until then, and for search. */
export function diagramsPlugin(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const { info = '', content = '' } = tokens[index] ?? {};
    if (/^mermaid\b/.test(info)) return `<Diagram text="${encodeURIComponent(content)}" />\n`;
    return fence === undefined ? self.renderToken(tokens, index, options) : fence(tokens, index, options, env, self);
  };
}
