import { curlLine } from '../api/curl.ts';
import type { Request } from '../api/request.ts';
import { Copy } from './copy.tsx';

/** The line for a shell that does the same. `HOLDFAST_KEY` stands for the key, which is never shown. */
export function CurlLine({ request }: { readonly request: Request<unknown> }) {
  const line = curlLine(request, new URL('.', location.href).href.replace(/\/$/, ''));
  return (
    <div class="curl">
      <span class="curl-label">The same with curl</span>
      <code tabIndex={0}>{line}</code>
      <Copy text={line} what="the curl line" />
    </div>
  );
}
