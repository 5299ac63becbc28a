/** What `bench peers` is asked for. */
export interface Settings {
  /** Length of a window. */
  readonly seconds: number;
  /** Windows of each system at each number of clients. */
  readonly rounds: number;
  /** Numbers of concurrent clients. */
  readonly clients: readonly number[];
  /** Transfers of each system of this software before anything is measured. */
  readonly warmUp: number;
  /** How long each system in Java is under load before that: its compiler goes on for minutes. */
  readonly warmUpSeconds: number;
  /** Servers that Narayana runs in: client and coordinator, and the banks, are in one, in two or in three. */
  readonly servers: number;
  /** Numbers of concurrent clients of those that order. */
  readonly orderingClients: readonly number[];
  /** The folder of BFT-SMaRt. */
  readonly bftSmart?: string;
  /** Where WildFly is kept. */
  readonly downloads: string;
}
