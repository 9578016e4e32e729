//! Scenarios of the window as its users see it.

mod window;
