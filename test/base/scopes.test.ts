import { covers, scopesOf, within } from '../../src/base/scopes.ts';

describe('the scopes of a text', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['   ', []],
    ['openid', ['openid']],
    ['openid  user/*.rs openid orders.read', ['openid', 'user/*.rs', 'orders.read']],
    ['a\tb', ['a\tb']],
  ])('%j → %j', (text, scopes) => {
    expect(scopesOf(text)).toEqual(scopes);
  });
});

describe('each rule by name', () => {
  test.each<[string, string[], string, boolean]>([
    ['a plain scope covers itself', ['orders.read'], 'orders.read', true],
    ['plain scopes are compared byte for byte', ['Orders.read'], 'orders.read', false],
    ['a plain scope is no prefix', ['orders'], 'orders.read', false],
    ['a plain wildcard means nothing', ['*'], 'orders.read', false],
    ['nothing covers nothing', [], 'orders.read', false],
    ['an empty wish is refused', [''], '', false],
    ['two scopes in one text are refused', ['a b'], 'a b', false],
    ['a quotation mark is refused (RFC 6749 §3.3)', ['a"b'], 'a"b', false],
    ['a letter of a wildcard type', ['user/*.rs'], 'user/Observation.r', true],
    ['letters add up', ['user/Observation.r', 'user/Observation.s'], 'user/Observation.rs', true],
    [
      'letters add up to v1',
      ['user/Observation.r', 'user/Observation.s'],
      'user/Observation.read',
      true,
    ],
    [
      'letters add up over a wildcard',
      ['user/Observation.r', 'user/*.s'],
      'user/Observation.rs',
      true,
    ],
    ['one letter is missing', ['user/Observation.r'], 'user/Observation.rs', false],
    ['v1 read is r and s', ['user/Observation.read'], 'user/Observation.rs', true],
    ['v1 read is no more', ['user/Observation.read'], 'user/Observation.c', false],
    ['v1 write is c, u and d', ['user/Observation.write'], 'user/Observation.cud', true],
    ['v1 write does not read', ['user/Observation.write'], 'user/Observation.r', false],
    ['v1 star is everything', ['user/*.*'], 'user/Observation.cruds', true],
    ['read and write are everything', ['user/A.read', 'user/A.write'], 'user/A.*', true],
    [
      'named types never make a wildcard',
      ['user/Patient.r', 'user/Observation.r'],
      'user/*.r',
      false,
    ],
    ['another type', ['user/Patient.r'], 'user/Observation.r', false],
    ['a type is no prefix', ['user/Medication.r'], 'user/MedicationRequest.r', false],
    ['patient does not cover user', ['patient/*.cruds'], 'user/Observation.r', false],
    ['user does not cover patient', ['user/*.cruds'], 'patient/Observation.r', false],
    ['system does not cover user', ['system/*.cruds'], 'user/Observation.r', false],
    ['user does not cover system', ['user/*.cruds'], 'system/Observation.r', false],
    ['contexts do not add up', ['user/A.r', 'patient/A.s'], 'user/A.rs', false],
    ['letters out of order are refused', ['user/*.cruds'], 'user/Observation.sr', false],
    ['… even by themselves', ['user/Observation.sr'], 'user/Observation.sr', false],
    ['… and cover nothing', ['user/Observation.sr'], 'user/Observation.r', false],
    ['a letter twice is refused', ['user/*.cruds'], 'user/Observation.rr', false],
    ['an unknown letter is refused', ['user/*.cruds'], 'user/Observation.rx', false],
    ['no letters are refused', ['user/*.cruds'], 'user/Observation.', false],
    ['no dot is refused', ['user/Observation'], 'user/Observation', false],
    ['no type is refused', ['user/.rs'], 'user/.rs', false],
    ['a type in small letters is refused', ['user/*.cruds'], 'user/observation.r', false],
    [
      'a constrained wish is refused',
      ['user/*.cruds'],
      'user/Observation.rs?category=laboratory',
      false,
    ],
    [
      'a constrained grant covers nothing',
      ['user/Observation.rs?category=laboratory'],
      'user/Observation.r',
      false,
    ],
    ['… not even itself', ['user/A.rs?code=1'], 'user/A.rs?code=1', false],
    ['names of objects are no suffixes', ['user/A.constructor'], 'user/A.constructor', false],
    ['an unknown context is plain', ['offline/A.rs'], 'offline/A.r', false],
    ['launch/patient is plain', ['launch/patient'], 'launch/patient', true],
    ['a line break at the end is refused', ['user/*.rs'], 'user/Observation.r\n', false],
  ])('%s', (_rule, granted, wanted, answer) => {
    expect(covers(granted, wanted)).toBe(answer);
  });

  test('within keeps the order of what was wanted', () => {
    const wanted = ['openid', 'user/Patient.r', 'admin', 'user/Observation.c', 'user/Patient.rs'];
    expect(within(wanted, ['user/*.rs', 'openid'])).toEqual([
      'openid',
      'user/Patient.r',
      'user/Patient.rs',
    ]);
  });
});

/**
 * The same question answered the long way: every scope is written out as the set of single things
 * it allows. `Else` stands for all types that nobody named, so that `*` stays more than their sum.
 */
describe('against a model that writes everything out', () => {
  const contexts = ['patient', 'user', 'system'];
  const types = ['Patient', 'Observation'];
  const suffixes: Record<string, string[]> = { read: ['r', 's'], write: ['c', 'u', 'd'] };
  suffixes['*'] = ['c', 'r', 'u', 'd', 's'];
  for (let bits = 1; bits < 32; bits += 1) {
    const letters = ['c', 'r', 'u', 'd', 's'].filter((_, at) => bits & (1 << at));
    suffixes[letters.join('')] = letters;
  }

  const allowedBy = new Map<string, Set<string>>([
    ['openid', new Set(['openid'])],
    ['orders.read', new Set(['orders.read'])],
    ['user/Observation.sr', new Set()],
    ['user/.rs', new Set()],
    ['user/Observation.', new Set()],
    ['patient/*.rs?code=1', new Set()],
  ]);
  for (const context of contexts) {
    for (const type of [...types, '*']) {
      for (const [suffix, letters] of Object.entries(suffixes)) {
        const named = type === '*' ? [...types, 'Else'] : [type];
        const things = named.flatMap((one) => letters.map((x) => `${context} ${one} ${x}`));
        allowedBy.set(`${context}/${type}.${suffix}`, new Set(things));
      }
    }
  }
  const scopes = [...allowedBy.keys()];

  function modelCovers(granted: readonly string[], wanted: string): boolean {
    const goal = allowedBy.get(wanted) ?? new Set();
    const held = new Set(granted.flatMap((scope) => [...(allowedBy.get(scope) ?? [])]));
    return goal.size > 0 && [...goal].every((thing) => held.has(thing));
  }

  /** Every disagreement, so that a failure names its scopes. */
  const disagreements = (cases: Iterable<readonly [string[], string]>): unknown[] =>
    [...cases]
      .filter(([granted, wanted]) => covers(granted, wanted) !== modelCovers(granted, wanted))
      .slice(0, 5);

  test(`all pairs of ${scopes.length} scopes`, () => {
    const pairs = scopes.flatMap((a) => scopes.map((b) => [[a], b] as const));
    expect(
      pairs.filter(([granted, wanted]) => modelCovers([...granted], wanted)).length,
    ).toBeGreaterThan(2000);
    expect(disagreements(pairs.map(([granted, wanted]) => [[...granted], wanted]))).toEqual([]);
  });

  test('twenty thousand sets of two to five scopes', () => {
    const next = dice(7);
    const pick = (): string => scopes[next() % scopes.length] ?? '';
    const cases = Array.from({ length: 20_000 }, (_, at) => {
      // Half of the sets stay in one context, where unions really happen.
      const context = at % 2 ? `${contexts[next() % 3]}/` : '';
      const near = scopes.filter((scope) => scope.startsWith(context));
      const one = (): string => near[next() % near.length] ?? pick();
      return [Array.from({ length: 2 + (next() % 4) }, one), one()] as const;
    });
    const unions = cases.filter(
      ([granted, wanted]) =>
        modelCovers([...granted], wanted) && !granted.some((one) => modelCovers([one], wanted)),
    );
    expect(unions.length).toBeGreaterThan(100);
    expect(disagreements(cases.map(([granted, wanted]) => [[...granted], wanted]))).toEqual([]);
  });
});

/** A fixed sequence of whole numbers (a linear congruential generator), the same on every machine. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}
