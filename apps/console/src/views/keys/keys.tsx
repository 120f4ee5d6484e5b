import { Page } from '../../components/page.tsx';

export function Keys() {
  return <Page title="API keys">{null}</Page>;
}
