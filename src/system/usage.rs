//! `getrusage` and `getrlimit`, which every Unix has.
#![expect(unsafe_code, reason = "the system's usage and limits of a process have no safe face in std")]

use std::mem::MaybeUninit;
use std::time::Duration;

use super::process::Reading;

/// What every Unix tells.
pub(super) fn read() -> Reading {
    let mut reading = Reading { file_descriptor_limit: limit(), ..Reading::default() };
    if let Some(usage) = usage() {
        reading.cpu = Some([usage.ru_utime, usage.ru_stime].map(duration));
        reading.context_switches =
            Some([usage.ru_nvcsw, usage.ru_nivcsw].map(|count| u64::try_from(count).unwrap_or(0)));
    }
    reading
}

fn usage() -> Option<libc::rusage> {
    let mut usage = MaybeUninit::uninit();
    // SAFETY: the pointer is to memory of the right size and alignment, which the system fills in unless it fails.
    unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return None;
        }
        Some(usage.assume_init())
    }
}

/// File descriptors that the process may have; `None` when any number.
fn limit() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: as above.
    let limit = unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) != 0 {
            return None;
        }
        limit.assume_init()
    };
    // Its type is another one on 32 bits and on BSD.
    Some(limit.rlim_cur)
        .filter(|limit| *limit != libc::RLIM_INFINITY)
        .and_then(|limit| i128::from(limit).try_into().ok())
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// Time since the system's start, with that in suspension.
#[cfg(target_os = "linux")]
pub(super) fn since_boot() -> Option<Duration> {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: as above.
    let time = unsafe {
        if libc::clock_gettime(libc::CLOCK_BOOTTIME, time.as_mut_ptr()) != 0 {
            return None;
        }
        time.assume_init()
    };
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// Ticks of the system's clock in a second, which is the unit of times in `/proc`.
#[cfg(target_os = "linux")]
pub(super) fn ticks_per_second() -> Option<u64> {
    // SAFETY: asks for a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|ticks| *ticks > 0)
}
