//! What readings of the process may be told.

/// Which readings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// CPU, memory, threads, file descriptors and age of the process. Default yes.
    pub process: bool,
    /// Workers, tasks and their queue of the tokio runtime that telemetry was set up in. Default yes.
    pub runtime: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { process: true, runtime: true }
    }
}
