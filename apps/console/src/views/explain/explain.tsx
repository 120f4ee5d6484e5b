import { Page } from '../../components/page.tsx';

export function Explain() {
  return <Page title="Explain">{null}</Page>;
}
