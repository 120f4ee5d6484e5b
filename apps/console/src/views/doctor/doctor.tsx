import { Page } from '../../components/page.tsx';

export function Doctor() {
  return <Page title="Redis and doctor">{null}</Page>;
}
