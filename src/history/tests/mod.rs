//! Scenarios of the window as its users see it.

mod blocks;
pub(super) mod random;
mod window;
