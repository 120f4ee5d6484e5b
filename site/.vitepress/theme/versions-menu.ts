import { useData } from 'vitepress';
import { defineComponent, h, onMounted, ref } from 'vue';
import type { Versions } from '../../src/versions.ts';

/** The version of the page, and the way to the others: `versions.json` lies beside the folders of all versions. */
export const VersionsMenu = defineComponent({
  setup() {
    const { site, theme } = useData();
    const version = String(theme.value.version);
    // `/0.2.0/`, or `/docs/0.2.0/`; while pages are being written there is no folder of a version.
    const root = site.value.base.endsWith(`/${version}/`) ? site.value.base.slice(0, -`${version}/`.length) : null;
    const others = ref<readonly string[]>([version]);
    onMounted(async () => {
      if (root === null) return;
      const response = await fetch(`${root}versions.json`);
      if (response.ok) others.value = ((await response.json()) as Versions).versions;
    });
    const open = (event: Event): void => {
      if (event.target instanceof HTMLSelectElement) location.href = `${root}${event.target.value}/`;
    };
    return () => {
      const options = others.value.map((each) => h('option', { value: each, selected: each === version }, each));
      return h('label', { class: 'versions' }, [
        h('span', 'Version'),
        h('select', { 'aria-label': 'Version', onChange: open }, options),
      ]);
    };
  },
});
