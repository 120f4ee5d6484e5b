import { useEffect, useState } from 'preact/hooks';

/** What stays of a text that is typed, once typing has paused for so long. */
export function useSettled(text: string, pauseMs = 250): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), pauseMs);
    return () => clearTimeout(timer);
  }, [text, pauseMs]);
  return settled;
}
