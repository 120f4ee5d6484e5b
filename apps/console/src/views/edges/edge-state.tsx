import type { Edge } from '../../api/edges.ts';
import { Badge, Share } from '../../components/facts.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { toast } from '../../components/toast.tsx';
import { drainEdge, undrainEdge } from '../../api/edges.ts';
import { count } from '../../state/format.ts';
import { drainedShare, pollNow } from '../../state/installation.ts';

/** What an edge does with new connections, and how far a drain is. */
export function EdgeState({ edge }: { readonly edge: Edge }) {
  const { draining, leaving, connections, maxConnections } = edge;
  if (!draining) {
    if (connections >= maxConnections) return <Badge kind="warn">Full</Badge>;
    return <Badge kind="ok">Open</Badge>;
  }
  if (connections === 0) return <Badge kind="warn">{leaving ? 'Ending' : 'Drained'}</Badge>;
  return (
    <span class="row">
      <Badge kind="warn">{leaving ? 'Ending' : 'Draining'}</Badge>
      <Share value={drainedShare(edge)} name="Closed" neutral />
    </span>
  );
}

/** Has an edge close its connections, or take them again. */
export function DrainButton({ edge }: { readonly edge: Edge }) {
  const { id, connections, draining, leaving } = edge;
  if (leaving) return null;
  if (draining) {
    return (
      <ConfirmButton
        action="Open again"
        label={`Open ${id} again`}
        kind="plain"
        question={`Open ${id} again?`}
        request={undrainEdge(id)}
        onDone={() => changed(`${id} takes connections again`)}
      >
        <p>It takes new connections again. Those that are not closed yet stay.</p>
      </ConfirmButton>
    );
  }
  return (
    <ConfirmButton
      action="Drain"
      label={`Drain ${id}`}
      question={`Drain ${id}?`}
      request={drainEdge(id)}
      onDone={() => changed(`${id} is being drained`)}
    >
      <p>
        {connections === 1 ? 'Its one connection is' : `Its ${count(connections)} connections are`} closed with 1012,
        spread over EDGE_DRAIN_SECONDS. Clients connect to other edges and resume; nothing is lost.
      </p>
      <p>The process stays, and takes no new connections until it is opened again.</p>
    </ConfirmButton>
  );
}

function changed(text: string): void {
  toast(text);
  pollNow();
}
