import MarkdownIt from 'markdown-it';

/** Markup of ours around somebody's words. */
export type Html = { readonly html: string };

// `html`: so that tags are tokens of their own, of which only the words inside are printed
const markdown = new MarkdownIt({ html: true, linkify: false });
const { escapeHtml, unescapeAll } = markdown.utils;

markdown.renderer.rules.html_inline = () => '';
markdown.renderer.rules.html_block = (tokens, at) => {
  const lines = bareWords(tokens[at]?.content ?? '').split('\n');
  return lines.map((line) => `<p>${escapeHtml(unescapeAll(line))}</p>\n`).join('');
};
markdown.renderer.rules.image = (tokens, at) => escapeHtml(tokens[at]?.content ?? '');
markdown.renderer.rules.link_open = (tokens, at, options, _env, self) => {
  const token = tokens[at];
  const href = String(token?.attrGet('href') ?? '');
  if (!token || !/^(https?|mailto):/i.test(href)) return '<a>'; // not into pages of ours
  token.attrSet('rel', 'nofollow noopener');
  return self.renderToken(tokens, at, options);
};
markdown.renderer.rules.table_open = () => '<table class="table">\n';
markdown.renderer.rules.code_block = (tokens, at) => codeOf(tokens[at]?.content ?? '');
markdown.renderer.rules.fence = (tokens, at) => codeOf(tokens[at]?.content ?? '');

const codeOf = (text: string): string =>
  `<figure class="code"><pre tabindex="0">${escapeHtml(text)}</pre></figure>\n`;

/** Characters: some texts take a time that grows with the square of their length. */
const most = 100_000;
const begun = (text: string): string => (text.length > most ? `${text.slice(0, most)} …` : text);

/**
 * CommonMark with tables. Tags in it are left out, whatever they are; the words between them stay.
 * Its highest headings become of the second level, below the page’s title.
 */
export function htmlOf(text: string): Html {
  const tokens = markdown.parse(begun(text), {});
  const levelOf = (tag: string): number => Number(tag.slice(1));
  const headings = tokens.filter(({ type }) => type.startsWith('heading_'));
  const highest = Math.min(...headings.map(({ tag }) => levelOf(tag)));
  for (const token of headings) token.tag = `h${Math.min(6, levelOf(token.tag) - highest + 2)}`;
  return { html: markdown.renderer.render(tokens, markdown.options, {}) };
}

/** Of one line, for a cell of a table. */
export const inlineHtmlOf = (text: string): Html => ({
  html: markdown.renderInline(
    begun(text)
      .trim()
      .replace(/\n\s*\n/g, '  \n'),
  ),
});

/** The first paragraph without any markup, of so many characters at most. */
export function firstWordsOf(text: string, most = 220): string {
  const tokens = markdown.parse(begun(text), {});
  const paragraphs = tokens.filter(({ type }, at) => {
    return type === 'inline' && tokens[at - 1]?.type === 'paragraph_open';
  });
  const words =
    paragraphs
      .map(({ children }) => (children ?? []).map(plainOf).join('').trim())
      .find((line) => line !== '') ?? '';
  return words.length > most ? `${words.slice(0, most).replace(/\s+\S*$/, '')} …` : words;
}

const plainOf = ({ type, content }: { type: string; content: string }): string => {
  if (type === 'softbreak' || type === 'hardbreak') return ' ';
  return type === 'image' || type === 'html_inline' ? '' : content;
};

/** What is not shown, the end of a block, and any other tag; of what never ends, all the rest. */
const markup =
  /<!--[\s\S]*?(?:-->|$)|<(script|style|svg)\b[\s\S]*?(?:<\/\1\s*>|$)|<(br|\/(?:p|div|li|h[1-6]|tr|section))\b[^>]*(?:>|$)|<\/?[a-z][^>]*(?:>|$)/gi;

/** A line for each block of it. */
const bareWords = (html: string): string =>
  html
    .replace(markup, (_tag, _hidden, block) => (block ? '\u0000' : ''))
    .split('\u0000')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter(Boolean)
    .join('\n');
