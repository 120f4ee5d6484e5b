import { render } from 'preact';
import { followAddress } from '../state/router.ts';
import { App } from './app.tsx';
import { takeKeyFromAddress } from './key.ts';

takeKeyFromAddress();
addEventListener('hashchange', takeKeyFromAddress);
followAddress();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
