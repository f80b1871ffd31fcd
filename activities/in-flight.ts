/** Keys of what is being sent right now by this process, whatever clocks and leases say. */
export class InFlight {
  /** How many attempts of each are under way: the same step may be begun twice. */
  readonly #keys = new Map<string, number>();

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  async during<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#keys.get(key) ?? 1) - 1;
      if (left > 0) this.#keys.set(key, left);
      else this.#keys.delete(key);
    }
  }
}
