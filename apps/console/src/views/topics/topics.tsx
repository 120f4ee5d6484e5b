import { Page } from '../../components/page.tsx';

export function Topics() {
  return <Page title="Topics">{null}</Page>;
}
