import { Router } from '@koa/router';
import { openToBrowsers } from './edges.ts';

type Clinic = {
  id: string;
  name: string;
  phone: string;
  hours: { day: string; from: string; to: string }[];
};

const onDays = (days: string[], from: string, to: string): Clinic['hours'] =>
  days.map((day) => ({ day, from, to }));
const week = ['mon', 'tue', 'wed', 'thu', 'fri'];

/** By name. */
const clinics: readonly Clinic[] = [
  {
    id: 'harbour-street',
    name: 'Harbour Street Surgery',
    phone: '01632 960114',
    hours: onDays(week, '08:00', '18:30'),
  },
  {
    id: 'mill-lane',
    name: 'Mill Lane Walk-in Centre',
    phone: '01632 960172',
    hours: onDays([...week, 'sat', 'sun'], '07:00', '22:00'),
  },
  {
    id: 'quarry-road',
    name: 'Quarry Road Dental Practice',
    phone: '01632 960155',
    hours: [...onDays(week, '09:00', '17:00'), ...onDays(['sat'], '09:00', '12:30')],
  },
];

/**
 * Clinics' opening times: a sample API about nobody, for products whose calls show a key alone. It
 * asks for none itself, as APIs do that stand behind a gateway.
 */
export function openingTimes(): Router {
  const router = new Router({ prefix: '/sandbox-api/opening-times' });
  router.use(openToBrowsers);

  router.get('/clinics', (ctx) => {
    const { open_at: asked } = ctx.query;
    if (asked === undefined) {
      ctx.body = { clinics };
      return;
    }
    const [, day, time = ''] =
      /^(mon|tue|wed|thu|fri|sat|sun) ((?:[01]\d|2[0-3]):[0-5]\d)$/.exec(String(asked)) ?? [];
    if (!day) {
      ctx.status = 400;
      ctx.body = { message: 'Write open_at as a day and a time, such as "sat 10:30".' };
      return;
    }
    const isOpen = ({ hours }: Clinic): boolean =>
      hours.some((one) => one.day === day && one.from <= time && time < one.to);
    ctx.body = { clinics: clinics.filter(isOpen) };
  });

  router.get('/clinics/:id', (ctx) => {
    const clinic = clinics.find(({ id }) => id === ctx.params.id);
    if (!clinic) ctx.status = 404;
    ctx.body = clinic ?? { message: 'There is no clinic with this id.' };
  });

  router.all('{/*rest}', (ctx) => {
    ctx.status = 404;
    ctx.body = { message: 'This API knows /clinics and /clinics/{id}.' };
  });
  return router;
}
