import { toast } from './toast.tsx';
import { Icon } from './icon.tsx';

/** A button that copies a text. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast(`Copied: ${what}`);
    } catch {
      // Browsers give pages without TLS no clipboard, but for those of this machine.
      toast('This browser does not let the page copy: select the text instead.', 'fail');
    }
  };
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy()}>
      <Icon name="copy" />
    </button>
  );
}
