import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly open: boolean;
  /** By Escape, or by a button of the content. */
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The platform's modal dialog: it keeps the focus, Escape closes it, and the focus returns to where it was. */
export function Dialog({ title, open, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  // Whoever gave `open` knows already; and the event comes later, when it may be open again.
  const closedHere = useRef(false);
  const id = useId();
  useEffect(() => {
    const { current: dialog } = element;
    if (open && dialog?.open === false) dialog.showModal();
    if (open || dialog?.open !== true) return;
    closedHere.current = true;
    dialog.close();
  }, [open]);
  const closed = (): void => {
    if (!closedHere.current) onClose();
    closedHere.current = false;
  };
  return (
    <dialog ref={element} class="dialog" aria-labelledby={id} onClose={closed}>
      {open && (
        <>
          <h2 id={id}>{title}</h2>
          {children}
        </>
      )}
    </dialog>
  );
}
