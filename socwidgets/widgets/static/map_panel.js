// What stands at the right of the map: the color bar, or the legend of a map of categories.

const BAR_WIDTH = 16;
const PANEL_GAP = 16;
const TRIANGLE = 110; // width of the legend of three phases

/** Lines of at most `width` pixels. */
function wrapText(ctx, text, width) {
  const lines = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && ctx.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const fonts = (theme) => ({
  plain: `${theme.size}px ${theme.font}`,
  small: `${theme.size - 1}px ${theme.font}`,
  label: `500 ${theme.size + 1}px ${theme.font}`,
});

/** Everything about the panel that does not depend on its height, with its width. */
function planPanel(ctx, view) {
  const { meta, theme, clim } = view;
  const font = fonts(theme);
  ctx.font = font.small;
  if (meta.phases) {
    const words = Math.max(...meta.phases.map((phase) => ctx.measureText(phase.label).width));
    return { phases: meta.phases, width: PANEL_GAP + Math.max(TRIANGLE, words) + 4 };
  }
  if (meta.flags.length) {
    const rows = meta.flags.map((flag) => ({ ...flag, lines: wrapText(ctx, flag.label, 150) }));
    const widest = Math.max(...rows.flatMap((row) => row.lines.map((t) => ctx.measureText(t).width)));
    ctx.font = font.label;
    const title = wrapText(ctx, meta.label, 170);
    const titleWidth = Math.max(...title.map((t) => ctx.measureText(t).width));
    return { rows, title, width: PANEL_GAP + Math.max(widest + 22, titleWidth) + 4 };
  }
  const most = clamp(0.25 * view.ruler.clientWidth, 64, 140);
  const high = wrapText(ctx, meta.high_words, most);
  const low = wrapText(ctx, meta.low_words, most);
  const words = Math.max(0, ...[...high, ...low].map((t) => ctx.measureText(t).width));
  ctx.font = font.plain;
  const { values, digits } = ticksBetween(clim[0], clim[1], 6);
  const ticks = Math.max(...values.map((v) => ctx.measureText(tickText(v, digits)).width));
  const bar = BAR_WIDTH + 9 + ticks + 10 + theme.size + 5;
  return { high, low, ticks, width: PANEL_GAP + Math.max(words, bar) + 2 };
}

/** Height that the words and the bar need. */
function leastHeight({ rows, high, low }, theme) {
  if (rows) return 40 + rows.length * 24;
  return high ? (high.length + low.length) * (theme.size + 2) + 70 : 0;
}

function drawPanel(ctx, view) {
  if (!view.plan) return;
  if (view.plan.phases) drawPhases(ctx, view);
  else if (view.plan.rows) drawLegend(ctx, view);
  else drawColorBar(ctx, view);
}

function drawLegend(ctx, { plan, port, theme }) {
  const font = fonts(theme);
  const x = port.x + port.w + PANEL_GAP;
  let y = port.y + theme.size / 2 + 1;
  ctx.textAlign = "left";
  ctx.font = font.label;
  ctx.fillStyle = theme.ink;
  for (const line of plan.title) {
    ctx.fillText(line, x, y);
    y += theme.size + 6;
  }
  y += 6;
  ctx.font = font.small;
  for (const { color, lines } of plan.rows) {
    ctx.fillStyle = color;
    ctx.fillRect(x, y - 6, 12, 12);
    ctx.strokeStyle = theme.frame;
    ctx.lineWidth = 1;
    ctx.strokeRect(x + 0.5, y - 5.5, 11, 11);
    ctx.fillStyle = theme.ink;
    for (const line of lines) {
      ctx.fillText(line, x + 20, y + 0.5);
      y += theme.size + 3;
    }
    y += 5;
  }
}

/** Triangle (or bar, for two) of all mixtures, a phase at each corner. */
function drawPhases(ctx, { plan, port, theme }) {
  const { phases } = plan;
  const x = port.x + port.w + PANEL_GAP;
  const top = port.y + 26;
  const high = (TRIANGLE * Math.sqrt(3)) / 2;
  const rgb = phases.map(({ color }) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)));
  for (let v = 0; v < high; v += 2) {
    for (let u = 0; u < TRIANGLE; u += 2) {
      const third = phases.length === 3 ? 1 - v / high : 0;
      const second = phases.length === 3 ? u / TRIANGLE - third / 2 : u / TRIANGLE;
      const shares = [1 - second - third, second, third];
      if (Math.min(...shares) < -1e-9 || (phases.length === 2 && v > 16)) continue;
      const mix = [0, 1, 2].map((c) => rgb.reduce((sum, one, i) => sum + one[c] * shares[i], 0));
      ctx.fillStyle = `rgb(${mix.map(Math.round).join(",")})`;
      ctx.fillRect(x + u, top + v, 2.5, 2.5);
    }
  }
  ctx.font = fonts(theme).small;
  ctx.fillStyle = theme.ink;
  const low = top + (phases.length === 3 ? high : 18) + 12;
  ctx.textAlign = "left";
  ctx.fillText(phases[0].label, x, low);
  const [first, second, third] = phases.map(({ label }) => ctx.measureText(label).width);
  const crowded = first + second + 10 > TRIANGLE;
  ctx.fillText(phases[1].label, x + TRIANGLE - second, crowded ? low + 18 : low);
  if (phases[2]) ctx.fillText(phases[2].label, x + (TRIANGLE - third) / 2, top - 12);
}

function drawColorBar(ctx, view) {
  const { plan, port, theme, meta } = view;
  const font = fonts(theme);
  const line = theme.size + 2;
  const x = port.x + port.w + PANEL_GAP;
  const top = port.y + (plan.high.length ? plan.high.length * line + 5 : 0);
  const bottom = Math.max(port.y + port.h, view.stage.h - 2) - (plan.low.length ? plan.low.length * line + 5 : 0);
  if (bottom - top < 40) return;
  ctx.font = font.small;
  ctx.textAlign = "left";
  ctx.fillStyle = theme.soft;
  plan.high.forEach((text, i) => ctx.fillText(text, x, port.y + (i + 0.5) * line - 1));
  plan.low.forEach((text, i) => ctx.fillText(text, x, bottom + 6 + (i + 0.5) * line));
  const [above, below] = beyondLimits(view);
  const y0 = top + (above ? 9 : 0);
  const y1 = bottom - (below ? 9 : 0);
  fillBar(ctx, view, x, y0, y1, above, below);
  drawTicks(ctx, view, x + BAR_WIDTH, y0, y1);
  ctx.save();
  ctx.translate(x + BAR_WIDTH + 9 + plan.ticks + 10 + theme.size / 2, (top + bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.font = font.label;
  ctx.textAlign = "center";
  ctx.fillStyle = theme.ink;
  const label = meta.units ? `${meta.label} (${meta.units})` : meta.label;
  ctx.fillText(label, 0, 0, bottom - top);
  ctx.restore();
}

/** Whether there are values above and below the limits: the bar then ends in a point. */
function beyondLimits({ meta, clim }) {
  if (meta.range.length !== 2) return [false, false];
  const slack = 1e-4 * (clim[1] - clim[0]);
  return [meta.range[1] > clim[1] + slack, meta.range[0] < clim[0] - slack];
}

function fillBar(ctx, { lut, theme }, x, y0, y1, above, below) {
  const color = (i) => `rgb(${lut[3 * i]},${lut[3 * i + 1]},${lut[3 * i + 2]})`;
  for (let i = 0; i < 256; i += 1) {
    const a = y1 - ((y1 - y0) * i) / 256;
    const b = y1 - ((y1 - y0) * (i + 1)) / 256;
    ctx.fillStyle = color(i);
    ctx.fillRect(x, b, BAR_WIDTH, Math.min(a - b + 0.75, y1 - b));
  }
  const path = new Path2D();
  const tip = (y, dy) => {
    path.lineTo(x + BAR_WIDTH / 2, y + dy);
  };
  path.moveTo(x, y0);
  if (above) tip(y0, -9);
  path.lineTo(x + BAR_WIDTH, y0);
  path.lineTo(x + BAR_WIDTH, y1);
  if (below) tip(y1, 9);
  path.lineTo(x, y1);
  path.closePath();
  for (const [wanted, y, dy, i] of [[above, y0, -9, 255], [below, y1, 9, 0]]) {
    if (!wanted) continue;
    ctx.fillStyle = color(i);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + BAR_WIDTH, y);
    ctx.lineTo(x + BAR_WIDTH / 2, y + dy);
    ctx.fill();
  }
  ctx.strokeStyle = theme.frame;
  ctx.lineWidth = 1;
  ctx.stroke(path);
}

function drawTicks(ctx, { clim, theme }, x, y0, y1) {
  const [low, high] = clim;
  const { values, digits } = ticksBetween(low, high, clamp((y1 - y0) / 44, 2, 7));
  ctx.font = fonts(theme).plain;
  ctx.textAlign = "left";
  ctx.fillStyle = theme.ink;
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1;
  for (const value of values) {
    const t = high > low ? (value - low) / (high - low) : 0.5;
    const y = y1 - t * (y1 - y0);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + 5, y);
    ctx.stroke();
    ctx.fillText(tickText(value, digits), x + 9, y + 0.5);
  }
}
