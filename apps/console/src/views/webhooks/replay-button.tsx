import { useState } from 'preact/hooks';
import { replayWebhook } from '../../api/webhooks.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Field } from '../../components/field.tsx';
import { toast } from '../../components/toast.tsx';
import { date } from '../../state/format.ts';

const HOUR_MS = 3_600_000;

/** Asks from when on, and has events sent again. */
export function ReplayButton({ id, onDone }: { readonly id: string; readonly onDone: () => void }) {
  const [since, setSince] = useState(() => localText(Date.now() - HOUR_MS));
  const at = Date.parse(since);
  const isTime = !Number.isNaN(at);
  return (
    <ConfirmButton
      action="Replay"
      kind="plain"
      question={`Send events to ${id} again?`}
      request={replayWebhook(id, isTime ? new Date(at).toISOString() : since)}
      onDone={(answer) => {
        toast(`Events since ${date(Date.parse(answer.since))} are sent again`);
        onDone();
      }}
    >
      <p>
        Events from this time on are sent once more, with the ids that they had. They are kept for up to 24 hours; what
        is older is gone.
      </p>
      <Field
        label="Since"
        type="datetime-local"
        value={since}
        onInput={setSince}
        hint="In the time zone of this browser"
        autoFocus
        required
      />
    </ConfirmButton>
  );
}

/** As a field for a date and a time has it. */
function localText(ms: number): string {
  return date(ms).slice(0, 16).replace(' ', 'T');
}
