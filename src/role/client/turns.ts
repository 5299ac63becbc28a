/**
 * Who is asked first: `f + 1` of `2f + 1` initiators are enough, other ones each time. One that kept a
 * request waiting goes to the end of the line until it has answered again.
 */
export class Turns<Member> {
  readonly #members: readonly Member[];
  readonly #late = new Set<Member>();
  #next = 0;

  constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** All members, those to be asked first in front. */
  take(): readonly Member[] {
    const start = this.#next;
    this.#next = (start + 1) % this.#members.length;
    const turned = [...this.#members.slice(start), ...this.#members.slice(0, start)];
    return [
      ...turned.filter((one) => !this.#late.has(one)),
      ...turned.filter((one) => this.#late.has(one)),
    ];
  }

  wasLate(member: Member): void {
    this.#late.add(member);
  }

  answered(member: Member): void {
    this.#late.delete(member);
  }
}
