/** What comes before the fault could not be done: the run says nothing of the fault. */
export class NotSetUp extends Error {
  override readonly name = 'NotSetUp';
}

/** The fault could not be shown to have happened: what the run says of it is worth nothing. */
export class DidNotHappen extends Error {
  constructor(what: string) {
    super(`the fault did not happen: ${what}`);
    this.name = 'DidNotHappen';
  }
}
