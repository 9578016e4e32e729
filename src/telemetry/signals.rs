//! Flush on SIGTERM and SIGINT, then the signal's default action.
//!
//! A handler may do next to nothing, so it writes the signal's number into a pipe; a thread reads it, flushes, restores
//! the default action and sends the signal again, so that the process ends with the status of that signal.

#![expect(unsafe_code, reason = "signal dispositions have no safe face in std")]

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use libc::{SIGINT, SIGTERM, c_int};

use crate::layer;
use crate::pipeline::Handle;

const SIGNALS: [c_int; 2] = [SIGTERM, SIGINT];

/// Flushes within the deadline when one of [`SIGNALS`] comes, and then lets its default action run.
pub(super) fn flush_on_signal(handle: Handle, deadline: Duration) -> io::Result<()> {
    let (mut inbox, outbox) = UnixStream::pair()?;
    outbox.set_nonblocking(true)?;
    std::thread::Builder::new().name("bellwether-signals".into()).spawn(move || {
        layer::suppress_thread();
        let mut signal = [0; 1];
        if inbox.read_exact(&mut signal).is_ok() {
            drop(handle.shutdown(deadline));
            end_by(c_int::from(signal[0]));
        }
    })?;
    // The handler stays for the life of the process, and so does the end of the pipe that it writes to.
    let outbox = Box::leak(Box::new(outbox)).as_raw_fd();
    let process = std::process::id();
    for signal in SIGNALS.into_iter().filter(|signal| !is_ignored(*signal)) {
        let number = u8::try_from(signal).unwrap_or_default();
        let handler = move || {
            if std::process::id() == process {
                // SAFETY: `write` is allowed in a handler; the pipe is never closed. When it is full, a signal that it
                // holds ends the process.
                let _written = unsafe { libc::write(outbox, (&raw const number).cast(), 1) };
            } else {
                // A forked child has no thread that reads, and the pipe is its parent's.
                end_by(signal);
            }
        };
        // SAFETY: the handler only calls getpid, write, sigaction, pthread_sigmask and kill, which are allowed there.
        unsafe { signal_hook_registry::register(signal, handler) }?;
    }
    Ok(())
}

/// Whether the process was started with the signal ignored, as under `nohup`.
fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action `sigaction` only fills in the current one; zeroes are a valid one.
    let action = unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Ends the process as the signal would have done without a handler.
fn end_by(signal: c_int) {
    // SAFETY: all are allowed in a handler and get valid arguments; the set is initialised before its use.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
    }
}
