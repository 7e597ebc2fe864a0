/** Where in a programme, and what is wrong there. */
export type Fault = { path: (string | number)[]; message: string };

export const within = (path: Fault['path'], faults: Fault[]): Fault[] =>
  faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] }));

export const unknown = (
  path: Fault['path'],
  id: string | null,
  known: readonly { id: string }[] = [],
): Fault[] =>
  id === null || known.some((one) => one.id === id)
    ? []
    : [{ path, message: `there is no "${id}"` }];

/** The second one is at fault. `before`: others, which come first. */
export function duplicates<One>(
  path: Fault['path'],
  list: readonly One[],
  keyOf: (one: One) => string,
  field: string,
  before: readonly Parameters<typeof keyOf>[0][] = [],
): Fault[] {
  const keys = [...before, ...list].map(keyOf);
  return keys.flatMap((key, at) =>
    at < before.length || keys.indexOf(key) === at
      ? []
      : [
          {
            path: [...path, at - before.length, field],
            message: `"${key}" is already taken by another`,
          },
        ],
  );
}
