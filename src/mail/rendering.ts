import { fileURLToPath } from 'node:url';
import ejs from 'ejs';
import { greetingOf, type Letter, subjectOf } from './letter.ts';

/** A letter as people read it; both parts say the same. */
export type Written = { subject: string; text: string; html: string };

const folder = fileURLToPath(new URL('../../views/mail/', import.meta.url));

/** A word missing in a letter must be an error, and not a gap. */
const printed = (value: unknown): string => {
  if (value === undefined) throw new Error('the letter prints a value that it was not given');
  return String(value);
};

const options = { strict: true, localsName: 'page', _with: false } as ejs.Options; // _with: @types lack it
const escapes = { html: (value: unknown) => ejs.escapeXML(printed(value)), txt: printed };

/** `cache` keeps compiled views: off while they are edited. */
export async function writeLetter(
  letter: Letter,
  { brand, baseUrl, cache }: { brand: string; baseUrl: string; cache: boolean },
): Promise<Written> {
  const subject = subjectOf(letter);
  const page = {
    ...letter.data,
    brand,
    baseUrl,
    subject,
    greeting: greetingOf('name' in letter.data ? letter.data.name : undefined),
  };
  const part = async (kind: keyof typeof escapes): Promise<string> => {
    const each = { ...options, cache, escape: escapes[kind] };
    const content = await ejs.renderFile(`${folder}${letter.template}.${kind}.ejs`, page, each);
    return ejs.renderFile(`${folder}layout.${kind}.ejs`, { ...page, content }, each);
  };
  return { subject, text: await part('txt'), html: await part('html') };
}
