//! `/proc` and control groups (`man 5 proc`, <https://docs.kernel.org/admin-guide/cgroup-v2.html>).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::process::Reading;
use super::usage;

/// File descriptors that are counted where the system does not know their number (before Linux 6.2).
const COUNTED: usize = 100_000;

/// A reading with what only Linux tells.
pub(super) fn read(reading: Reading) -> Reading {
    let status = text("/proc/self/status").unwrap_or_default();
    let kibibytes = |key: &str| field(&status, key).map(|count| count.saturating_mul(1024));
    Reading {
        memory: kibibytes("VmRSS"),
        memory_virtual: kibibytes("VmSize"),
        memory_limit: memory_limit(),
        threads: field(&status, "Threads"),
        file_descriptors: file_descriptors(),
        ..reading
    }
}

/// A file as text. The process's name in it may be cut within a character, or never have been text.
fn text(path: &str) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The first number behind a key of `/proc/self/status`.
fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn file_descriptors() -> Option<u64> {
    let folder = "/proc/self/fd";
    match fs::metadata(folder).ok()?.len() {
        0 => count_file_descriptors(folder),
        count => Some(count),
    }
}

fn count_file_descriptors(folder: &str) -> Option<u64> {
    let count = fs::read_dir(folder).ok()?.take(COUNTED).count();
    // Without the one that reads the folder.
    u64::try_from(count.saturating_sub(1)).ok()
}

/// How long the process has been running. By the clock that its start is told in: `/proc/uptime` is the container's under
/// LXCFS, and the start is not.
pub(super) fn age() -> Option<Duration> {
    let started = started(&text("/proc/self/stat")?)?;
    Some(usage::since_boot()?.saturating_sub(started))
}

/// Time from the system's start to the process's, of `/proc/self/stat`.
fn started(stat: &str) -> Option<Duration> {
    // The program's name, in parentheses, may hold anything; the time is the 20th field behind it.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / usage::ticks_per_second()? as f64))
}

/// The least of the limits of the control groups that the process is in; `None` without one.
fn memory_limit() -> Option<u64> {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let files = FILES.get_or_init(|| limit_files(&text("/proc/self/cgroup").unwrap_or_default()));
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).filter_map(|text| limit(&text)).min()
}

/// Bytes; `None` for no limit, which version 1 writes as a number close to 2^63.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 62)
}

/// Files that hold limits of memory: of the process's group and of those around it, as far as they are to be seen.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let named = |line: &'_ str| -> Option<String> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|name| name == "memory").then(|| path.to_owned())
    };
    let files = |root: &str, group: &str, file: &str| -> Vec<PathBuf> {
        let group = Path::new(group.trim_start_matches('/'));
        group.ancestors().map(|group| Path::new(root).join(group).join(file)).filter(|file| file.exists()).collect()
    };
    match groups.lines().find_map(named) {
        Some(group) => files("/sys/fs/cgroup/memory", &group, "memory.limit_in_bytes"),
        None => unified.map(|group| files("/sys/fs/cgroup", group, "memory.max")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "Name:\ta\nVmPeak:\t  900 kB\nVmRSS:\t  12 kB\nRssAnon:\t 3 kB\nThreads:\t4\n";
        assert_eq!([field(status, "VmRSS"), field(status, "Threads")], [Some(12), Some(4)]);
        assert_eq!([field(status, "Vm"), field(status, "Name"), field("", "VmRSS")], [None; 3]);
    }

    #[test]
    fn the_start_is_found_behind_whatever_name_a_program_has() {
        let ticks = usage::ticks_per_second().unwrap();
        let fields: Vec<String> = (3..=30).map(|field: u64| (field * ticks).to_string()).collect();
        let stat = format!("1 (a) b ) {}", fields.join(" "));
        assert_eq!(started(&stat), Some(Duration::from_secs(22)));
        assert_eq!(started("1 (a"), None);
    }

    #[test]
    fn file_descriptors_that_are_counted_are_as_many_as_the_system_knows_of() {
        let folder = "/proc/self/fd";
        let known = || fs::metadata(folder).unwrap().len();
        // The least of many, because other tests open and close files between two looks.
        let looks = (0..10_000).map(|_| (count_file_descriptors(folder).unwrap(), known()));
        let (counted, known) =
            looks.fold((u64::MAX, u64::MAX), |least, look| (least.0.min(look.0), least.1.min(look.1)));
        assert!(known == 0 || counted == known, "{counted} {known}");
    }

    #[test]
    fn a_limit_that_is_none_is_none() {
        let cases = [("max\n", None), ("1048576\n", Some(1_048_576)), ("9223372036854771712\n", None), ("", None)];
        for (text, expected) in cases {
            assert_eq!(limit(text), expected, "{text}");
        }
    }
}
