import { Page } from '../../components/page.tsx';

export function Edges() {
  return <Page title="Edges">{null}</Page>;
}
