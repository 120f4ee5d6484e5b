import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Request } from '../api/request.ts';
import { useAction } from '../state/use-action.ts';
import { Button } from './button.tsx';
import { CurlLine } from './curl-line.tsx';
import { Dialog } from './dialog.tsx';
import { Problem } from './states.tsx';

interface ConfirmButtonProps<Answer> {
  /** On the button: "Drain". */
  readonly action: string;
  /** Of the dialog, a question: "Drain edge-1?". */
  readonly question: string;
  /** What will happen, and what will not. */
  readonly children: ComponentChildren;
  readonly request: Request<Answer>;
  readonly onDone: (answer: Answer) => void;
  readonly kind?: 'danger' | 'plain';
  readonly lacks?: string | undefined;
  /** Of the button, where `action` alone does not say of what. */
  readonly label?: string;
}

/** A button whose call is asked about once more, with the curl line that does the same. */
export function ConfirmButton<Answer>(props: ConfirmButtonProps<Answer>) {
  const { action, question, children, request, onDone, kind = 'danger', lacks, label } = props;
  const [open, setOpen] = useState(false);
  const { busy, error, run, reset } = useAction<Answer>();
  const close = (): void => {
    setOpen(false);
    reset();
  };
  const confirm = async (): Promise<void> => {
    const answer = await run(request);
    if (answer === undefined) return;
    close();
    onDone(answer);
  };
  return (
    <>
      <Button kind={kind} lacks={lacks} {...(label === undefined ? {} : { label })} onClick={() => setOpen(true)}>
        {action}
      </Button>
      <Dialog title={question} open={open} onClose={close}>
        <div class="dialog-body">{children}</div>
        {error && <Problem error={error} />}
        <CurlLine request={request} />
        <div class="dialog-actions">
          <Button onClick={close} autoFocus>
            Cancel
          </Button>
          <Button kind={kind === 'danger' ? 'danger' : 'primary'} busy={busy} onClick={() => void confirm()}>
            {action}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
