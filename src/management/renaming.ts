import { InvalidInput } from '../base/errors.ts';

/** What a use case says about a field of a page's form, about the member that it is here. */
export async function renaming<Result>(
  names: Readonly<Record<string, string>>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    const fields = Object.entries(error.fields).map(([field, said]) => [
      names[field] ?? field,
      said,
    ]);
    throw new InvalidInput(Object.fromEntries(fields));
  }
}
