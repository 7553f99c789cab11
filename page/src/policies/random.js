// Random numbers from a seed. Randomness is always an argument: nothing here uses Math.random.

/** Returns a function that draws from U(0, 1) (the generator "mulberry32" by Tommy Ettinger). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns a function that draws `size` numbers from N(0, 1), given one that draws from U(0, 1) (Box and Muller). */
export function gaussian(draw) {
  const one = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  return (size) => Array.from({ length: size }, one);
}
