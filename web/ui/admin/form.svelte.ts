import { messageOf, Problem } from '../shared/manage';

/** Where typed values outlive a reload: sessionStorage in the page. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * One form: its values, which survive closing, errors and reloads until they were sent; its errors, each at its field;
 * and whether a request is under way.
 */
export class Form<Values extends object> {
  values: Values;
  /** Messages by field, in the names of the API. */
  errors = $state.raw<Readonly<Record<string, string>>>({});
  /** What is wrong with the whole, when no field is to blame. */
  message = $state<string | null>(null);
  busy = $state(false);

  /** `fields` are those the form shows an error at; an error of another field becomes the message of the whole. */
  constructor(
    private readonly key: string,
    private readonly blank: () => Values,
    private readonly fields: readonly string[],
    private readonly keep: Keep,
  ) {
    this.values = $state({ ...blank(), ...parse<Values>(keep.getItem(key)) });
  }

  /** To be called when something was typed. */
  typed(): void {
    this.keep.setItem(this.key, JSON.stringify(this.values));
  }

  /** Forgets what was typed. */
  reset(): void {
    this.keep.removeItem(this.key);
    Object.assign(this.values, this.blank());
    this.clear();
  }

  /** Says what is wrong before anything is sent; true when nothing is. */
  check(errors: Readonly<Record<string, string | undefined>>): boolean {
    this.clear();
    this.errors = Object.fromEntries(Object.entries(errors).filter((pair): pair is [string, string] => pair[1] !== undefined));
    return Object.keys(this.errors).length === 0;
  }

  /** Sends; the answer, or null when it failed and the errors say why. */
  async send<Answer>(request: () => Promise<Answer>): Promise<Answer | null> {
    if (this.busy) return null;
    this.clear();
    this.busy = true;
    try {
      const answer = await request();
      this.keep.removeItem(this.key);
      return answer;
    } catch (error) {
      const field = error instanceof Problem ? error.field : undefined;
      if (field && this.fields.includes(field)) this.errors = { [field]: messageOf(error) };
      else this.message = messageOf(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  private clear(): void {
    this.errors = {};
    this.message = null;
  }
}

function parse<Values extends object>(json: string | null): Partial<Values> {
  try {
    const value: unknown = JSON.parse(json ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Partial<Values>) : {};
  } catch {
    return {};
  }
}
