//! Cases of global state (a subscriber, a panic hook, signals, a fork), each in a process of its own.
//!
//! A case is a test that starts this binary again with only itself to run; see [`process::case`].

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod deadlines;
#[cfg(test)]
mod exported;
#[cfg(test)]
mod exporters;
#[cfg(test)]
mod fork;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod init;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod log_crate;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod process;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod recursion;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod threads;
