//! Scenarios of the window as its users see it.

mod blocks;
mod hooks;
pub(super) mod random;
mod window;
