import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/**
 * What is to be published, as JSON text that goes out as it was given: numbers keep every digit. With `asText` the
 * input is a string to be made JSON. Raises CliError `not-json`.
 */
export function messageText(input: string, asText: boolean): string {
  if (asText) return JSON.stringify(input);
  const text = input.trim();
  try {
    JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'not JSON';
    throw new CliError(
      exitCodes.usage,
      'not-json',
      `The message is not JSON: ${why}\nQuote it for the shell, as in '{"score":"1:0"}', or send it as a string with --text.`,
      { cause },
    );
  }
  return text;
}
