import type { JsonValue, Metadata } from '../../contracts/space.js';

/** How to do one thing with a space of the convention. */
export interface Recipe {
  readonly title: string;
  readonly text: string;
}

/** An atom that shows the form. */
export interface Example {
  /** By which later examples refer to it. */
  readonly key: string;
  readonly payload: JsonValue;
  readonly metadata?: Metadata;
  readonly references?: readonly { readonly type: string; readonly to: string }[];
  readonly isDeprecated?: true;
}

/** A usage pattern of spaces that agents are taught by text alone. */
export interface Convention {
  /** Lower case words with dashes; new spaces name it. */
  readonly name: string;
  /** The convention itself; it becomes the description of every space that names it and says nothing of itself. */
  readonly description: string;
  readonly recipes: readonly Recipe[];
  readonly examples: readonly Example[];
}
