/** Whether a stack can be tried on this machine. */
export type Availability =
  | { readonly kind: 'here'; readonly version: string }
  | { readonly kind: 'missing'; readonly why: string };

/** A SOAP implementation. Its methods throw where it does not do what they ask. */
export interface Stack {
  /** As the command line names it. */
  readonly id: string;
  readonly title: string;
  /** What is generated or read, in a few words. */
  readonly generates: string;
  /** `folder` is kept from run to run: downloads go there. */
  look(folder: string): Promise<Availability>;
  /** Reads the WSDL and generates what the stack makes of it into an empty folder. */
  generate(wsdlUrl: string, folder: string): Promise<void>;
  /**
   * Makes a transfer at the front door and returns what the client printed; an empty folder is its. Without it,
   * the stack is judged by rules and calls nothing.
   */
  call?(wsdlUrl: string, folder: string): Promise<string>;
}

export function missing(why: string): Availability {
  return { kind: 'missing', why };
}

export function here(version: string): Availability {
  return { kind: 'here', version };
}
