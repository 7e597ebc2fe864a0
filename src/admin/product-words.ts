import type { ProductState, Subjects, Visibility } from '../products/product.ts';

/** How the desk says what a product is. */
export const productStateWords: Readonly<Record<ProductState, string>> = {
  draft: 'Draft',
  published: 'Published',
  deprecated: 'Deprecated',
  retired: 'Retired',
};

/** What each state means, beside the choice of one. */
export const stateMeanings: Readonly<Record<ProductState, string>> = {
  draft: 'The catalogue leaves it out, and nobody can ask for it.',
  published: 'Whoever may see it can ask for it.',
  deprecated: 'Its subscribers go on until its last day, and a letter tells them of it now.',
  retired: 'It opens nothing: from now on every token and key for it is refused.',
};

export const visibilityWords: Readonly<Record<Visibility, string>> = {
  everybody: 'everybody',
  signed_in: 'whoever is signed in',
  invited: 'the teams that are invited',
};

export const subjectWords: Readonly<Record<Subjects, string>> = {
  test_users: 'test users',
  accounts: 'accounts',
  both: 'test users and accounts',
};
