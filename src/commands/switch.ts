import { stoppedOf } from '../admin/switch.ts';
import { lift, suspend } from '../admin/switch-service.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';

const usage = (word: string): string => `${word} client|team|product|environment ID --reason TEXT`;

const command = (word: 'suspend' | 'lift', deed: typeof suspend, does: string): Command => ({
  usage: [[usage(word), does]],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, { reason: { type: 'string' } });
    const [kind, id, ...rest] = positionals;
    if (!kind || !id || rest.length > 0) throw new UsageError(`Say it so: ${usage(word)}`);
    const { reason = '' } = values;
    if (reason.trim() === '') throw new UsageError('Say why, for the trail: --reason TEXT.');
    const stopped = stoppedOf(kind, id);
    const config = settings();
    await withResources(config, ({ pool }) => {
      const parts = { pool, baseUrl: config.baseUrl };
      return deed(parts, { actor: { kind: 'system' } }, { ...stopped, reason });
    });
    const now = word === 'suspend' ? 'is suspended, at once' : 'is no longer suspended';
    process.stdout.write(`The ${kind} ${id} ${now}.\n`);
    return 0;
  },
});

export const suspendCommand = command('suspend', suspend, 'stops it at once: no more tokens');
export const liftCommand = command('lift', lift, 'ends that');
