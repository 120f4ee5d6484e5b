import { Card } from '../../components/card.tsx';
import { Page } from '../../components/page.tsx';
import { Empty, Loading } from '../../components/states.tsx';
import { Trend } from '../../components/trend.tsx';
import { count, milliseconds, rate } from '../../state/format.ts';
import { capacity, edges, samples } from '../../state/installation.ts';
import { href } from '../../state/router.ts';
import { EdgeList } from './edge-list.tsx';
import { HeadRoom, RedisServers } from './head-room.tsx';

/** The installation at a glance. */
export function Overview() {
  const live = edges.value;
  const read = capacity.value;
  return (
    <Page title="Overview" about="All edges together, asked every two seconds while this page is seen.">
      {live?.length === 0 && (
        <Card title="Edges">
          <Empty title="No edge is alive." action={<a href={href('edges')}>Edges</a>}>
            Clients cannot connect, and nothing is delivered. Messages are kept in the histories of their topics.
          </Empty>
        </Card>
      )}
      <div class="trends">
        <Trend
          title="Connections"
          about="Held now"
          samples={samples}
          series={[['connections', 'connections']]}
          format={count}
          whole
        />
        <Trend
          title="Deliveries"
          about="A second, to connections"
          samples={samples}
          series={[['deliveries', 'a second']]}
          format={rate}
        />
        <Trend
          title="Publishes"
          about="A second, at the busiest edge"
          samples={samples}
          series={[['publishes', 'a second']]}
          format={rate}
        />
        <Trend
          title="Lag"
          about="Of the slowest edge"
          samples={samples}
          series={[
            ['probe', 'Redis'],
            ['eventLoop', 'event loop'],
          ]}
          format={milliseconds}
        />
        <Trend
          title="Losses announced"
          about="In ten minutes"
          samples={samples}
          series={[['lost', 'lost frames']]}
          format={count}
          whole
          total
        />
        <Trend
          title="Refused handshakes"
          about="A second"
          samples={samples}
          series={[['refusals', 'a second']]}
          format={rate}
        />
      </div>
      <div class="halves">
        <Card title="Head-room" about="What is used, and what more fits in">
          {read === null ? <Loading rows={5} /> : <HeadRoom capacity={read} />}
        </Card>
        <div class="stack">
          <Card title="Edges" actions={<a href={href('edges')}>All edges</a>} flush>
            {live === null ? <Loading rows={2} /> : <EdgeList edges={live} />}
          </Card>
          <Card title="Redis" actions={<a href={href('doctor')}>Redis and doctor</a>} flush>
            {read === null ? <Loading rows={1} /> : <RedisServers capacity={read} />}
          </Card>
        </div>
      </div>
    </Page>
  );
}
