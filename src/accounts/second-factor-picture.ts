import { create } from 'qrcode';

/** A QR code: `path` in squares of 1, for an SVG of `size` by `size` with the quiet zone in it. */
export type Picture = { size: number; path: string };

const quiet = 4; // squares around it, as ISO/IEC 18004 asks

export function pictureOf(text: string): Picture {
  const { modules } = create(text, { errorCorrectionLevel: 'M' });
  const squares: string[] = [];
  for (let y = 0; y < modules.size; y += 1) {
    for (let x = 0; x < modules.size; x += 1) {
      if (modules.get(y, x)) squares.push(`M${x + quiet} ${y + quiet}h1v1h-1z`);
    }
  }
  return { size: modules.size + 2 * quiet, path: squares.join('') };
}
