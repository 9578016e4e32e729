//! Whether this is still the process that telemetry was started in.
//!
//! A child made by `fork` has a copy of the queues and locks, but not of the threads that empty or hold them. Everything
//! that would wait for such a thread asks here first.

#![cfg_attr(unix, expect(unsafe_code, reason = "pthread_atfork is a C function; there is no safe face of it in std"))]

#[cfg(unix)]
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// One more than the forks between the first process and this one.
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// The process that something was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    /// This process. The first call has forks counted from then on.
    pub(crate) fn current() -> Self {
        count_forks();
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether the caller runs in a process that was forked from this one: one relaxed load.
    #[inline]
    pub(crate) fn is_left(self) -> bool {
        GENERATION.load(Ordering::Relaxed) != self.0
    }
}

/// Another number in every child of a fork, never 0.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

#[cfg(unix)]
fn count_forks() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }

    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handler is a plain function that lives as long as the program and only touches atomics, which is
        // allowed in a child of a process with threads. A refusal (out of memory) leaves forks uncounted, no worse.
        let _refused = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

#[cfg(not(unix))]
fn count_forks() {}
