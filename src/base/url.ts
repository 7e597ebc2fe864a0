/**
 * The address as a URL; undefined for what is none. Not by `URL.canParse`: on Node 20, once V8 has
 * compiled the call, that refuses addresses with letters such as "Ü".
 */
export function urlOf(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
