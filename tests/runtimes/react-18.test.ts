import { describe, expect, it } from 'vitest';
import { startBrowser } from '../e2e/browser.ts';
import { startConsumer } from '../e2e/packages/consumer.ts';
import { runInStrictMode } from '../e2e/packages/react-page.ts';

describe('the package for React', () => {
  it('runs in strict mode of React 18 too', async () => {
    await using consumer = await startConsumer(['react@18.3.1', 'react-dom@18.3.1']);
    await using browser = await startBrowser();
    expect(await runInStrictMode(consumer, browser)).toEqual({ tokens: 1, faults: [] });
  });
});
