import { useData } from 'vitepress';
import { defineComponent, h, onMounted, ref, watch } from 'vue';

/** Colours of the site, by the names that mermaid has for them. It takes no variables of CSS. */
const LIGHT = {
  background: '#ffffff',
  primaryColor: '#e9effd',
  primaryBorderColor: '#2550c4',
  primaryTextColor: '#171b24',
  secondaryColor: '#f0f2f5',
  tertiaryColor: '#ffffff',
  lineColor: '#586272',
  textColor: '#171b24',
  noteBkgColor: '#fdf1dc',
  noteBorderColor: '#b0560a',
  noteTextColor: '#171b24',
  edgeLabelBackground: '#ffffff',
};
const DARK = {
  background: '#161a21',
  primaryColor: '#1d2a47',
  primaryBorderColor: '#8eb0ff',
  primaryTextColor: '#e4e8ee',
  secondaryColor: '#1b2029',
  tertiaryColor: '#161a21',
  lineColor: '#9ba5b4',
  textColor: '#e4e8ee',
  noteBkgColor: '#33260f',
  noteBorderColor: '#f0b961',
  noteTextColor: '#e4e8ee',
  edgeLabelBackground: '#161a21',
};
let count = 0;

/** Draws a diagram in the page, in its colours, and again when these change. Without a script its text is shown. */
export const Diagram = defineComponent({
  props: { text: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData();
    const drawn = ref('');
    const text = decodeURIComponent(props.text);
    const draw = async (): Promise<void> => {
      const { default: mermaid } = await import('mermaid');
      const darkMode = isDark.value;
      mermaid.initialize({
        startOnLoad: false,
        securityLevel: 'strict',
        theme: 'base',
        fontFamily: 'inherit',
        flowchart: { nodeSpacing: 30, rankSpacing: 36 },
        sequence: { actorMargin: 30, messageMargin: 28, mirrorActors: false },
        themeVariables: { darkMode, fontSize: '14px', ...(darkMode ? DARK : LIGHT) },
      });
      const { svg } = await mermaid.render(`diagram-${(count += 1)}`, text);
      drawn.value = svg;
    };
    onMounted(draw);
    watch(isDark, draw);
    return () =>
      drawn.value === ''
        ? h('pre', { class: 'diagram' }, text)
        : h('figure', { class: 'diagram', innerHTML: drawn.value });
  },
});
