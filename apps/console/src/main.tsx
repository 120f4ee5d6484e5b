import { render } from 'preact';
import { App } from './app.tsx';
import { followAddress } from './state/router.ts';
import { resumeSession } from './state/session.ts';

resumeSession();
followAddress();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
