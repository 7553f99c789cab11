// The little linear algebra that the baseline needs.

/** Solves A x = b for a matrix [n, n] as an array of rows, by Gaussian elimination with pivoting. Both change. */
export function solve(rows, b) {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    let best = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(rows[r][i]) > Math.abs(rows[best][i])) best = r;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    [b[i], b[best]] = [b[best], b[i]];
    for (let r = i + 1; r < n; r++) {
      const share = rows[r][i] / rows[i][i];
      for (let c = i; c < n; c++) rows[r][c] -= share * rows[i][c];
      b[r] -= share * b[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let c = i + 1; c < n; c++) b[i] -= rows[i][c] * b[c];
    b[i] /= rows[i][i];
  }
  return b;
}
