import { createDocuments } from '../../src/portal/api-documents.ts';

const text = (title: string): string =>
  JSON.stringify({ openapi: '3.0.3', info: { title, version: '1' }, paths: {} });

test('a document is read once, however many ask for it at once', async () => {
  const documents = createDocuments();
  let asked = 0;
  const load = async () => {
    asked += 1;
    return text('One');
  };
  const both = await Promise.all([
    documents.read({ digest: 'one', text: load }),
    documents.read({ digest: 'one', text: load }),
  ]);
  expect(both[0]).toBe(both[1]);
  expect(both[0]?.faults).toEqual([]);
  expect(await documents.read({ digest: 'one', text: load })).toBe(both[0]);
  expect(asked).toBeLessThanOrEqual(2); // two may look for the text, one is read
});

test('one that takes too long is shown unchecked, and says so', async () => {
  const documents = createDocuments({ patience: 1 });
  const { document, faults } = await documents.read({
    digest: 'one',
    text: async () => text('Slow'),
  });
  expect(document).toMatchObject({ info: { title: 'Slow' } });
  expect(faults).toEqual(['This document took too long to check, and is shown as it is written.']);
});

test('whoever comes when too many wait is asked to come again, and is served then', async () => {
  const documents = createDocuments();
  const all = Array.from({ length: 22 }, (_, n) =>
    documents.read({ digest: `d${n}`, text: async () => text(`${n}`) }).then(
      () => 'read',
      (error: { code: string }) => error.code,
    ),
  );
  const ends = await Promise.all(all);
  expect(ends.filter((end) => end === 'documents_busy')).toHaveLength(2);
  const again = await documents.read({ digest: 'd21', text: async () => text('21') });
  expect(again.document).toMatchObject({ info: { title: '21' } });
});
