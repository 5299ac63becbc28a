import { Listener, type RoleAddresses } from './listener.js';
import { OwnClient } from './own-client.js';
import { OwnSide } from './own-side.js';
import type { Role } from './scenarios.js';
import type { Sides } from './suite.js';
import { Wire } from './wire.js';

/** Doors of the wire, and the own side. */
export const stagePorts = 4;

export interface StageOptions {
  /** First of its ports. */
  readonly port: number;
  /** Origins of the gateway and of WildFly. */
  readonly gateway: string;
  readonly wildfly: string;
}

/** What stands between WildFly and a gateway so that each message is seen, and some are lost; and the own side. */
export class Stage {
  /** What each side believes to be the other's origin. */
  readonly gateway: string;
  readonly wildfly: string;
  readonly #addresses: Readonly<Record<Role, RoleAddresses>>;
  readonly #listener: Listener;
  readonly #wire: Wire;
  readonly #own: OwnSide;

  private constructor({ port }: StageOptions) {
    const origin = (index: number) => `http://127.0.0.1:${port + index}`;
    this.gateway = origin(0);
    this.wildfly = origin(1);
    const client = new OwnClient([this.wildfly, this.wildfly.replace('127.0.0.1', 'localhost')]);
    this.#own = new OwnSide({ client, port: port + 3, origin: origin(2) });
    this.#addresses = {
      coordinator: {
        activation: `${this.gateway}/activation-in-seconds`,
        participant: `${this.wildfly}/plain/sc007/participant`,
      },
      participant: {
        activation: `${this.wildfly}/ws-c11/ActivationService`,
        participant: this.#own.url,
      },
    };
    this.#listener = new Listener(this.#addresses);
    this.#wire = new Wire(this.#listener);
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { port, gateway, wildfly } = options;
    const stage = new Stage(options);
    await stage.#wire.open(port, gateway);
    await stage.#wire.open(port + 1, wildfly);
    await stage.#wire.open(port + 2, `http://127.0.0.1:${port + 3}`);
    await stage.#own.start();
    return stage;
  }

  /** `run`: has WildFly's initiator make a scenario. */
  sides(role: Role, run: Sides['run']): Sides {
    const initiator = `${this.wildfly}/plain/sc007/initiator`;
    return { ...this.#addresses[role], listener: this.#listener, initiator, run };
  }

  /** What went wrong and belongs to no scenario. */
  get faults(): readonly string[] {
    return [...this.#listener.strays, ...this.#own.failures];
  }

  async close(): Promise<void> {
    await this.#wire.close();
    await this.#own.stop();
  }
}
