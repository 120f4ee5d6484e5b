import { listKeys } from '../../api/keys.ts';
import { Card } from '../../components/card.tsx';
import { Page } from '../../components/page.tsx';
import { Pager, usePager } from '../../components/pager.tsx';
import { Answered } from '../../components/states.tsx';
import { useCall } from '../../state/use-call.ts';
import { KeyCard } from './key-card.tsx';

const REFRESH_MS = 10_000;

/** Every API key: what it may, what it has of its limits, and when it was used. */
export function Keys() {
  const pages = usePager('');
  const called = useCall(listKeys(pages.cursor), { every: REFRESH_MS });
  return (
    <Page
      title="API keys"
      about={
        <>
          As they stand in <code>API_KEYS_FILE</code>, which control-api reads again when it changes. Secrets are
          nowhere but with who uses them: the file has hashes.
        </>
      }
    >
      <Answered called={called} rows={8}>
        {({ keys, cursor }) => (
          <>
            {keys.map((key) => (
              <KeyCard key={key.id} apiKey={key} />
            ))}
            {(cursor !== null || pages.number > 1) && (
              <Card title="More keys">
                <Pager pages={pages} next={cursor} what="API keys" />
              </Card>
            )}
          </>
        )}
      </Answered>
    </Page>
  );
}
