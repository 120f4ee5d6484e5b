import { type Diagnosis, diagnose } from '../../api/doctor.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Badge } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Answered, Empty, Loading } from '../../components/states.tsx';
import { capacity } from '../../state/installation.ts';
import { useCall } from '../../state/use-call.ts';
import { CheckList } from './check-list.tsx';
import { RedisTable } from './redis-table.tsx';

/** How Redis does, and what of the installation is not as it should be. */
export function Doctor() {
  const called = useCall(diagnose());
  const read = capacity.value;
  return (
    <Page
      title="Redis and doctor"
      about="Redis as it is now, and every setting that is known to matter: what was seen, why it matters, what to do."
      actions={
        <Button kind="primary" busy={called.reloading} onClick={called.reload}>
          {called.reloading ? 'Looking' : 'Look again'}
        </Button>
      }
    >
      <Card title="Redis" about="Each server that holds data" flush>
        {read === null ? (
          <Loading rows={2} />
        ) : read.redis.length === 0 ? (
          <Empty title="Redis may not be asked.">
            The user of control-api needs the command <code>INFO</code>.
          </Empty>
        ) : (
          <RedisTable servers={read.redis} />
        )}
      </Card>
      <Answered called={called} rows={8}>
        {(diagnosis) => <Checks diagnosis={diagnosis} />}
      </Answered>
      <CurlLine request={diagnose()} />
    </Page>
  );
}

const GROUPS = [
  ['fail', 'To be repaired'],
  ['warn', 'To be looked at'],
  ['ok', 'As it should be'],
] as const;

function Checks({ diagnosis: { status, checks } }: { readonly diagnosis: Diagnosis }) {
  return (
    <>
      <p class="row" role="status">
        <Badge kind={status}>{status === 'ok' ? 'All is well' : status === 'warn' ? 'Warnings' : 'Faults'}</Badge>
        <span class="hint">
          {checks.length} checks:{' '}
          {GROUPS.map(([kind]) => `${checks.filter((one) => one.status === kind).length} ${kind}`).join(', ')}
        </span>
      </p>
      {GROUPS.map(([kind, title]) => {
        const those = checks.filter((one) => one.status === kind);
        return (
          those.length > 0 && (
            <Card key={kind} title={`${title}: ${those.length}`} flush>
              <CheckList checks={those} />
            </Card>
          )
        );
      })}
    </>
  );
}
