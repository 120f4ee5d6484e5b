import { Page } from '../../components/page.tsx';

export function Webhooks() {
  return <Page title="Webhooks">{null}</Page>;
}
