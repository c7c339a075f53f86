//! Numbers of one grid, and of two that follow one another.

use serde::{Deserialize, Serialize};

use super::luma::Grid;

/// Below this a point is black (`FFmpeg`'s `blackdetect`, `pix_th` 0.10 of full scale).
const BLACK: u8 = 26;
/// Below this, and above that, nothing can be told from anything: drowned and burnt out (our choice).
const DROWNED: u8 = 16;
const BURNT: u8 = 250;

/// What a grid looks like. Shares are 0 to 1, the rest in units of brightness (0 to 255).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// The share that is black.
    pub black: f64,
    /// The share in which nothing can be told from black.
    pub drowned: f64,
    /// The share in which nothing can be told from white.
    pub burnt: f64,
    /// Mean brightness.
    pub mean: f64,
    /// Standard deviation of the brightness.
    pub deviation: f64,
    /// Variance of the Laplacian: how much of it is edges.
    pub edges: f64,
}

impl Light {
    /// Of one grid.
    #[must_use]
    pub fn of(grid: &Grid) -> Self {
        let share = |is: fn(u8) -> bool| average(grid.points.iter().map(|point| f64::from(u8::from(is(*point)))));
        let (mean, variance) = spread(grid.points.iter().copied().map(f64::from));
        Self {
            black: share(|point| point < BLACK),
            drowned: share(|point| point < DROWNED),
            burnt: share(|point| point > BURNT),
            mean,
            deviation: variance.sqrt(),
            edges: spread(laplacian(grid)).1,
        }
    }

    /// What holds for both: shares at least so large, deviation and edges at most so large. The mean is the other's.
    #[must_use]
    pub const fn always(&self, other: &Self) -> Self {
        Self {
            black: self.black.min(other.black),
            drowned: self.drowned.min(other.drowned),
            burnt: self.burnt.min(other.burnt),
            mean: other.mean,
            deviation: self.deviation.max(other.deviation),
            edges: self.edges.max(other.edges),
        }
    }
}

/// How much two grids differ: the mean of the absolute differences, 0 to 1 (`FFmpeg`'s `freezedetect`).
#[must_use]
pub fn difference(one: &Grid, other: &Grid) -> f64 {
    let pairs = one.points.iter().zip(&other.points);
    average(pairs.map(|(one, other)| f64::from(one.abs_diff(*other)))) / 255.0
}

/// Four times a point less its four neighbours, at all points that have four.
fn laplacian(grid: &Grid) -> impl Iterator<Item = f64> + Clone {
    let lines: Vec<&[u8]> = grid.points.chunks_exact(grid.width.max(1)).collect();
    let inner = (1..lines.len().saturating_sub(1)).flat_map(move |y| {
        let (above, line, below) = (lines[y - 1], lines[y], lines[y + 1]);
        (1..line.len().saturating_sub(1)).map(move |x| {
            let [here, around @ ..] = [line[x], above[x], below[x], line[x - 1], line[x + 1]].map(f64::from);
            4.0 * here - around.iter().sum::<f64>()
        })
    });
    inner.collect::<Vec<_>>().into_iter()
}

/// Mean and variance; zero of nothing.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let mean = average(values.clone());
    (mean, average(values.map(|value| (value - mean).powi(2))))
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: usize, points: impl Into<Vec<u8>>) -> Grid {
        Grid { width, points: points.into() }
    }

    #[test]
    fn shares_are_counted_at_their_limits() {
        let light = Light::of(&grid(2, [15, 16, 25, 26, 250, 251]));
        let sixth = 1.0 / 6.0;
        for (share, sixths) in [(light.drowned, 1.0), (light.black, 3.0), (light.burnt, 1.0)] {
            assert!((share / sixth - sixths).abs() < 0.5, "{share}");
        }
    }

    #[test]
    fn one_shade_has_neither_deviation_nor_edges_and_a_slope_has_no_edges() {
        let flat = Light::of(&grid(4, [90; 16]));
        assert_eq!((flat.mean, flat.deviation, flat.edges), (90.0, 0.0, 0.0));
        let slope = Light::of(&grid(4, [0, 40, 80, 120].repeat(4)));
        assert!(slope.deviation > 40.0 && slope.edges.abs() < 1e-9, "{slope:?}");
        let chess = Light::of(&grid(4, [[0, 255, 0, 255], [255, 0, 255, 0]].concat().repeat(2)));
        assert!(chess.edges > 1e6, "{chess:?}");
    }

    #[test]
    fn a_difference_is_a_share_of_full_scale() {
        assert_eq!(difference(&grid(2, [0, 0]), &grid(2, [255, 255])).to_bits(), 1.0_f64.to_bits());
        assert!((difference(&grid(2, [10, 10]), &grid(2, [10, 61])) - 0.1).abs() < 1e-9);
        assert_eq!(difference(&grid(2, [9, 9]), &grid(2, [9, 9])).to_bits(), 0);
    }
}
