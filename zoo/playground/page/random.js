// Numbers that depend on a seed alone.

/** Returns a function of uniform numbers from 0 to 1 (mulberry32, by Tommy Ettinger, public domain). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns normally distributed numbers (Box and Muller 1958). */
export function normal(seed, length) {
  const random = uniform(seed);
  return Float32Array.from({ length }, () =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

/** Draws an index from log probabilities, at a temperature. */
export function draw(logProbabilities, temperature, random) {
  const most = Math.max(...logProbabilities);
  const weights = Array.from(logProbabilities, (value) => Math.exp((value - most) / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let index = 0; index < weights.length; index++) {
    left -= weights[index];
    if (left < 0) return index;
  }
  return weights.length - 1;
}

/** Walks between two latents along a great circle, as samples have similar lengths. */
export function between(first, second, share) {
  let product = 0, one = 0, other = 0;
  for (let index = 0; index < first.length; index++) {
    product += first[index] * second[index];
    one += first[index] ** 2;
    other += second[index] ** 2;
  }
  const angle = Math.acos(Math.min(1, Math.max(-1, product / Math.sqrt(one * other))));
  const [of_first, of_second] = angle < 1e-4
    ? [1 - share, share]
    : [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  return first.map((value, index) => of_first * value + of_second * second[index]);
}
