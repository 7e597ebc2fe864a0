import type pg from 'pg';
import { InvalidInput, NotFound } from '../base/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import {
  addCredential,
  addGateway,
  endGatewayCredential,
  removeGateway,
} from '../gateway/gateway-service.ts';
import { findGatewayByName, listCredentialsOf, listGateways } from '../gateway/gateway-store.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';

const options = { 'base-url': { type: 'string' }, ending: { type: 'string' } } as const;
type Values = ReturnType<typeof argumentsOf<typeof options>>['values'];
type Deed = (pool: pg.Pool, name: string, values: Values) => Promise<void>;

const doer = { actor: { kind: 'system' } } as const;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const list: Deed = async (pool) => {
  for (const { id, name, baseUrlName } of await listGateways(pool)) {
    const endings = (await listCredentialsOf(pool, id)).map(({ lastFour }) => lastFour);
    say([name, baseUrlName ?? '', endings.join(',')].join('\t'));
  }
};

const add: Deed = async (pool, name, values) => {
  const given = { name, baseUrlName: values['base-url'] ?? '' };
  say((await addGateway(pool, doer, given)).credential);
};

const newKey: Deed = async (pool, name) => {
  const { id } = await named(pool, name);
  say((await addCredential(pool, doer, id)).credential);
};

const endKey: Deed = async (pool, name, { ending }) => {
  const { id } = await named(pool, name);
  const live = await listCredentialsOf(pool, id);
  const meant = live.filter(({ lastFour }) => lastFour === ending);
  if (meant.length !== 1) {
    const endings = live.map(({ lastFour }) => lastFour).join(' and ') || 'none';
    throw new UsageError(`Say which by its last four characters: --ending. Live are: ${endings}.`);
  }
  await endGatewayCredential(pool, doer, { id, credentialId: meant[0]?.id ?? '' });
  say(`The credential ending ${ending} has ended.`);
};

const remove: Deed = async (pool, name) => {
  await removeGateway(pool, doer, (await named(pool, name)).id);
  say(`The gateway ${name} is removed.`);
};

/** @throws {NotFound} `gateway_not_found` */
async function named(pool: pg.Pool, name: string): Promise<Gateway> {
  const gateway = await findGatewayByName(pool, name);
  if (gateway) return gateway;
  throw new NotFound('gateway_not_found', `There is no gateway "${name}".`);
}

/** By the word that is typed, with the options that it takes. */
const deeds: Readonly<Record<string, { work: Deed; takes: readonly (keyof Values)[] }>> = {
  list: { work: list, takes: [] },
  add: { work: add, takes: ['base-url'] },
  'new-key': { work: newKey, takes: [] },
  'end-key': { work: endKey, takes: ['ending'] },
  remove: { work: remove, takes: [] },
};

/** What asks us about calls. A new credential is said once, on standard output, and nowhere else. */
export const gatewayCommand: Command = {
  usage: [
    ['gateway list', 'the gateways, and how their credentials end'],
    ['gateway add NAME [--base-url NAME]', 'adds one and says its credential, once'],
    ['gateway new-key NAME', 'makes a second credential and says it, once'],
    ['gateway end-key NAME --ending XXXX', 'ends one of the two'],
    ['gateway remove NAME', 'ends it with its credentials'],
  ],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, options);
    const [word = '', name = '', ...rest] = positionals;
    const deed = Object.hasOwn(deeds, word) ? deeds[word] : undefined;
    if (!deed || rest.length > 0 || (word === 'list') !== (name === '')) {
      throw new UsageError('Say list, or add, new-key, end-key or remove and which gateway.');
    }
    const foreign = (Object.keys(values) as (keyof Values)[]).find(
      (one) => !deed.takes.includes(one),
    );
    if (foreign) throw new UsageError(`"gateway ${word}" takes no --${foreign}.`);
    await withResources(settings(), ({ pool }) => deed.work(pool, name, values).catch(inWords));
    return 0;
  },
};

function inWords(error: unknown): never {
  if (!(error instanceof InvalidInput)) throw error;
  const { name, base_url_name: baseUrl } = error.fields;
  throw new UsageError(
    [name && `NAME: ${name}`, baseUrl && `--base-url: ${baseUrl}`].filter(Boolean).join('\n'),
  );
}
