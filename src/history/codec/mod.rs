//! Blocks of samples in few bytes, bit for bit: see [`column`] for floats and [`histograms`] for native histograms.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "bits are cut to bytes, and numbers were looked at before they are narrowed"
)]

mod column;
mod histograms;
mod pack;
#[cfg(test)]
mod tests;

pub(super) use column::{BLOCK, decode, encode};
pub(super) use histograms::{decode as decode_histograms, encode as encode_histograms};
