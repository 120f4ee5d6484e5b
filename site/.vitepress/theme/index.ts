import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { Diagram } from './diagram.ts';
import { VersionsMenu } from './versions-menu.ts';
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet has nothing to name
import './style.css';

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('Diagram', Diagram);
    app.component('VersionsMenu', VersionsMenu);
  },
};

export default theme;
