import { useState } from 'preact/hooks';
import { type Topic, type TopicSettings, putTopic } from '../../api/topics.ts';
import { Button } from '../../components/button.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Choice, Field } from '../../components/field.tsx';
import { Problem } from '../../components/states.tsx';
import { toast } from '../../components/toast.tsx';
import { useAction } from '../../state/use-action.ts';

interface SettingsButtonProps {
  readonly action: string;
  /** The topic to be changed; without it a new one is made. */
  readonly topic?: Topic;
  readonly lacks?: string | undefined;
  readonly onDone: (topic: Topic) => void;
}

type PresenceChoice = 'off' | 'user' | 'client';

interface Draft {
  readonly name: string;
  readonly size: string;
  readonly seconds: string;
  readonly expire: string;
  readonly presence: PresenceChoice;
}

const FRESH: Draft = { name: '', size: '1000', seconds: '300', expire: '', presence: 'off' };

/** A button that opens the settings of a topic, to create it or to change them. */
export function SettingsButton({ action, topic, lacks, onDone }: SettingsButtonProps) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const { busy, error, run, reset } = useAction<Topic>();
  const close = (): void => {
    setDraft(null);
    reset();
  };
  const open = (): void => setDraft(topic === undefined ? FRESH : draftOf(topic));
  const set = (part: Partial<Draft>): void => setDraft((before) => before && { ...before, ...part });
  const request = putTopic(draft?.name.trim() || 'NAME', settingsOf(draft ?? FRESH, topic));
  const save = async (): Promise<void> => {
    const saved = await run(request);
    if (saved === undefined) return;
    close();
    toast(topic === undefined ? `Created ${saved.topic}` : `Changed ${saved.topic}`);
    onDone(saved);
  };
  return (
    <>
      <Button kind={topic === undefined ? 'primary' : 'plain'} lacks={lacks} onClick={open}>
        {action}
      </Button>
      <Dialog
        title={topic === undefined ? 'Create a topic' : `Settings of ${topic.topic}`}
        open={draft !== null}
        onClose={close}
      >
        {draft !== null && (
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              void save();
            }}
          >
            {topic === undefined && (
              <Field
                label="Name"
                value={draft.name}
                onInput={(name) => set({ name })}
                mono
                required
                autoFocus
                hint="Letters, digits, _ and - in segments with dots between: news.sport"
                error={error?.ruleOf('path.topic')}
              />
            )}
            <div class="pair">
              <Field
                label="Messages kept"
                type="number"
                value={draft.size}
                onInput={(size) => set({ size })}
                required
                error={error?.ruleOf('body.history.size')}
              />
              <Field
                label="Kept for, in seconds"
                type="number"
                value={draft.seconds}
                onInput={(seconds) => set({ seconds })}
                required
                error={error?.ruleOf('body.history.seconds')}
              />
            </div>
            <Field
              label="Expires when unused for, in seconds"
              type="number"
              value={draft.expire}
              onInput={(expire) => set({ expire })}
              hint="Empty: it stays until it is deleted."
              error={error?.ruleOf('body.expireSeconds')}
            />
            <Choice<PresenceChoice>
              label="Presence"
              value={draft.presence}
              onChange={(presence) => set({ presence })}
              options={[
                ['off', 'Off'],
                ['user', 'By user: several tabs are one member'],
                ['client', 'By client: each is a member'],
              ]}
            />
            {error && <Problem error={error} />}
            <CurlLine request={request} />
            <div class="dialog-actions">
              <Button onClick={close}>Cancel</Button>
              <Button kind="primary" type="submit" busy={busy}>
                {topic === undefined ? 'Create' : 'Save'}
              </Button>
            </div>
          </form>
        )}
      </Dialog>
    </>
  );
}

function draftOf({ topic, history, expireSeconds, presence }: Topic): Draft {
  return {
    name: topic,
    size: String(history.size),
    seconds: String(history.seconds),
    expire: expireSeconds === null ? '' : String(expireSeconds),
    presence: presence?.by ?? 'off',
  };
}

/** Only of a topic that is there: presence keeps what the dialog does not show. */
function settingsOf({ size, seconds, expire, presence }: Draft, topic?: Topic): TopicSettings {
  const shown = { history: { size: Number(size), seconds: Number(seconds) } };
  const expireSeconds = expire === '' ? null : Number(expire);
  const by = presence === 'off' ? null : { ...topic?.presence, by: presence };
  if (topic === undefined) {
    return {
      ...shown,
      ...(expireSeconds === null ? {} : { expireSeconds }),
      ...(by === null ? {} : { presence: by }),
    };
  }
  return { ...shown, expireSeconds, presence: by };
}
