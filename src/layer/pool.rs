//! Recordings that are used again: each has several hundred bytes, which need not be allocated and moved for every span.

use std::cell::Cell;

use super::recording::Recording;

/// Recordings that a thread keeps.
const LIMIT: usize = 16;

/// Boxed, because a recording moves between here and the table of records many times.
type Pool = Cell<Vec<Box<Recording>>>;

thread_local! {
    /// Taken and put back whole.
    static POOL: Pool = const { Cell::new(Vec::new()) };
}

/// An empty recording.
#[inline]
pub(super) fn take() -> Box<Recording> {
    let taken = POOL.try_with(|pool| {
        let mut all = pool.take();
        let taken = all.pop();
        pool.set(all);
        taken
    });
    taken.ok().flatten().unwrap_or_default()
}

/// Keeps a recording that is not wanted any more for the next [`take`].
#[inline]
pub(super) fn give_back(mut recording: Box<Recording>) {
    recording.clear();
    // Refused only on a thread that is being torn down.
    let _refused = POOL.try_with(|pool| {
        let mut all = pool.take();
        if all.len() < LIMIT {
            all.push(recording);
        }
        pool.set(all);
    });
}
