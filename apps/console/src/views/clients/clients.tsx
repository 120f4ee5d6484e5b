import { Page } from '../../components/page.tsx';

export function Clients() {
  return <Page title="Clients">{null}</Page>;
}
