/** Texts that are remembered many times over, such as the id of a product, are held once. */
export type SharedText = (text: string) => string;

/** Beyond, it begins anew: what is remembered by then keeps its own. */
const most = 10_000;

export function createSharedText(): SharedText {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= most) texts.clear();
    texts.set(text, text);
    return text;
  };
}
