import { create } from 'qrcode';

/**
 * A QR code: `path` in squares of 1, for an SVG of `size` by `size` with the quiet zone in it, drawn
 * `side` pixels wide, which is a whole number for each square and fits into a phone.
 */
export type Picture = { size: number; side: number; path: string };

const quiet = 4; // squares around it, as ISO/IEC 18004 asks

export function pictureOf(text: string): Picture {
  const { modules } = create(text, { errorCorrectionLevel: 'L' });
  const squares: string[] = [];
  for (let y = 0; y < modules.size; y += 1) {
    for (let x = 0; x < modules.size; x += 1) {
      if (modules.get(y, x)) squares.push(`M${x + quiet} ${y + quiet}h1v1h-1z`);
    }
  }
  const size = modules.size + 2 * quiet;
  return { size, side: size * Math.max(2, Math.floor(254 / size)), path: squares.join('') };
}
