// Codes -> colors, and numbers -> words.

const NAN_CODE = 65535;

const packColor = (r, g, b) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

const packHex = (hex) => {
  const n = parseInt(hex.slice(1), 16);
  return packColor(n >> 16, (n >> 8) & 255, n & 255);
};

/** Color of each of the 65536 codes as 0xAABBGGRR; transparent where there is no value. */
function colorTable(meta, lut, [low, high]) {
  const table = new Uint32Array(65536);
  if (meta.phases) {
    for (let code = 0; code < NAN_CODE; code += 1) {
      const [r, g, b] = [code >> 11, (code >> 5) & 63, code & 31];
      table[code] = packColor((r * 255) / 31, (g * 255) / 63, (b * 255) / 31);
    }
    return table;
  }
  if (meta.flags.length) {
    for (const flag of meta.flags) table[flag.value - meta.offset] = packHex(flag.color);
    return table;
  }
  const colors = new Uint32Array(256);
  for (let i = 0; i < 256; i += 1) colors[i] = packColor(lut[3 * i], lut[3 * i + 1], lut[3 * i + 2]);
  const span = high - low;
  const step = span > 0 ? (256 * meta.scale) / span : 0;
  const start = span > 0 ? (256 * (meta.offset - low)) / span : 128;
  for (let code = 0; code < NAN_CODE; code += 1) {
    const i = start + step * code;
    table[code] = colors[i <= 0 ? 0 : i >= 255 ? 255 : i | 0];
  }
  return table;
}

/** The one loop over all pixels. */
function paintPixels(codes, table, pixels) {
  for (let i = 0; i < codes.length; i += 1) pixels[i] = table[codes[i]];
}

/** The same with the opacity of each pixel's uncertainty; none where it is not known. */
function paintFaded(codes, table, pixels, sigma, step, span) {
  const alpha = new Uint32Array(256);
  for (let i = 0; i < 255; i += 1) {
    const share = span > 0 ? clamp(1 - (2 * i * step) / span, 0, 1) : 1;
    alpha[i] = Math.round(255 * share) << 24;
  }
  for (let i = 0; i < codes.length; i += 1) {
    const color = table[codes[i]];
    pixels[i] = color ? ((color & 0xffffff) | alpha[sigma[i]]) >>> 0 : 0;
  }
}

/** Round steps (1, 2, 5) for at most `most` ticks between two numbers. */
function ticksBetween(low, high, most) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return { values: [low], digits: 3 };
  const raw = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const values = [];
  const first = Math.ceil(low / step - 1e-6);
  for (let i = first; i * step <= high + 1e-6 * span; i += 1) values.push(i * step);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

const MINUS = "\u2212";

function tickText(value, digits) {
  const size = Math.abs(value);
  const text =
    digits > 5 || size >= 1e6 ? size.toExponential(1) : size.toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** Number for the readout: three digits below the span of the colors. */
function valueText(value, span) {
  const digits = span > 0 ? clamp(Math.ceil(3 - Math.log10(span) - 0.5), 0, 7) : 4;
  return tickText(value, Math.abs(value) >= 1e6 || digits > 5 ? 6 : digits);
}

/** Round length for a scale bar: the largest 1, 2, 5 x 10^n not above `longest`. */
function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return [5, 2, 1].map((m) => m * power).find((length) => length <= longest * 1.0001);
}

function lengthText(length, units) {
  if (units !== "\u00b5m") return `${Number(length.toPrecision(3))} ${length === 1 ? units : units === "pixel" ? "pixels" : units}`;
  if (length < 0.9999) return `${Number((length * 1000).toPrecision(3))} nm`;
  if (length >= 1000) return `${Number((length / 1000).toPrecision(3))} mm`;
  return `${Number(length.toPrecision(3))} \u00b5m`;
}

/** Black or white, whichever reads better on a color (relative luminance). */
function inkOn(hex) {
  const n = parseInt(hex.slice(1), 16);
  const lum = 0.299 * (n >> 16) + 0.587 * ((n >> 8) & 255) + 0.114 * (n & 255);
  return lum > 150 ? "#111111" : "#ffffff";
}

const countText = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
