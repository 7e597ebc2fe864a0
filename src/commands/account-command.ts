import { resetSecondFactor } from '../accounts/second-factor-service.ts';
import { endAccess } from '../oauth/consents.ts';
import { argumentsOf, type Command, UsageError, withResources } from './command.ts';

const typed = 'account reset-second-factor EMAIL --reason TEXT';

export const accountCommand: Command = {
  usage: [[typed, 'for a lost phone: the password alone opens the account again']],
  async run(args, settings) {
    const { values, positionals } = argumentsOf(args, { reason: { type: 'string' } });
    const [deed, email, ...rest] = positionals;
    const reason = values.reason?.trim();
    if (deed !== 'reset-second-factor' || !email || rest.length > 0) {
      throw new UsageError(`Say it so: ${typed}`);
    }
    if (!reason) throw new UsageError('Say why, for the trail: --reason TEXT.');
    const account = await withResources(settings(), ({ pool }) =>
      resetSecondFactor({ pool, endAccess }, { email, reason }),
    );
    process.stdout.write(`${account.email} signs in by password alone. A letter tells them.\n`);
    return 0;
  },
};
