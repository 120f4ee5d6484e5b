import { Button } from './components/button.tsx';
import { Dialog } from './components/dialog.tsx';
import { offeredKey, ownKey, takeOfferedKey } from './state/session.ts';

function keep(): void {
  offeredKey.value = null;
}

/** Asks before a key that a link brought takes the place of the one in use. */
export function OtherKey() {
  const { value: offered } = offeredKey;
  return (
    <Dialog title="Use another API key?" open={offered !== null} onClose={keep}>
      <div class="dialog-body">
        <p>
          A link brought the key <code>{offered?.split('.', 1)[0]}</code>. With it this page forgets the key{' '}
          <code>{ownKey.value?.id}</code>, and everything that you do is done with the other one: use no key that you do
          not know.
        </p>
      </div>
      <div class="dialog-actions">
        <Button onClick={keep} autoFocus>
          Keep the key
        </Button>
        <Button kind="primary" onClick={takeOfferedKey}>
          Use the other key
        </Button>
      </div>
    </Dialog>
  );
}
