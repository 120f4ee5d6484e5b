/** What a script can tell from the exit code; `--help` says the same. */
export const exitCodes = {
  fine: 0,
  /** The server refused: its code and detail were printed. */
  refused: 1,
  /** Wrong usage, or input that cannot be used. */
  usage: 2,
  /** No installation was found, or it does not answer. */
  unreachable: 3,
  /** Ended by a signal before it was done, as shells count: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const EXIT_CODES_HELP = `
Exit codes:
  0    fine
  1    refused by the server: its code and detail are printed
  2    wrong usage, or input that cannot be used
  3    no installation was found, or it does not answer
  130  ended by Ctrl-C before it was done (listen ends with 0)`;
