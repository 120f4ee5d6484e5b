import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import {
  HoldfastProvider,
  useConnectionState,
  useHoldfast,
  useMessage,
  usePresence,
  useSubscription,
  useTopic,
} from './react.ts';

function Everything() {
  useMessage('news', () => {
    throw new Error('no message comes');
  });
  const view = {
    client: useHoldfast(),
    state: useConnectionState(),
    topic: useTopic('news'),
    presence: usePresence('news'),
    subscription: useSubscription('news'),
  };
  return createElement('code', null, JSON.stringify(view));
}

/** Connections and tokens that were asked for. */
function optionsThatCount() {
  const asked: string[] = [];
  const getToken = () => {
    asked.push('token');
    return null;
  };
  return { asked, options: { controlUrl: 'http://127.0.0.1:1', getToken } };
}

describe('on a server', () => {
  it('all hooks render, and nothing connects', async () => {
    const { asked, options } = optionsThatCount();
    const html = renderToString(createElement(HoldfastProvider, { options }, createElement(Everything)));
    const text = html.replaceAll('&quot;', '"').replace(/<\/?code>/g, '');
    expect(JSON.parse(text)).toEqual({
      client: null,
      state: 'connecting',
      topic: { messages: [], lost: null },
      presence: { members: [], count: 0, countOnly: false, isKnown: false },
      subscription: { isSubscribed: false, error: null },
    });
    await new Promise((resolve) => setTimeout(resolve));
    expect(asked).toEqual([]);
  });

  it('a hook without a provider says so', () => {
    expect(() => renderToString(createElement(Everything))).toThrow(/no HoldfastProvider/);
  });
});
