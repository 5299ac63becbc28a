/** Activities that a gateway has open at a time beside one other client. */
export const clientsMax = 64;

/** What `bench kit` is asked for. */
export interface Settings {
  /** Length of a window. */
  readonly seconds: number;
  /** Windows of each way to make a transfer. */
  readonly rounds: number;
  /** Concurrent clients, the same number for each. */
  readonly clients: number;
  /** Transfers of each before anything is measured. */
  readonly warmUp: number;
}
