//! Recordings that are used again: each has several hundred bytes, which need not be allocated and moved for every span.

use std::cell::RefCell;

use super::recording::Recording;

/// Recordings that a thread keeps.
const LIMIT: usize = 16;

/// Boxed, because a recording moves between here and the table of records many times.
type Pool = RefCell<Vec<Box<Recording>>>;

thread_local! {
    /// Borrowed by an allocator that opens spans, it is no pool for the moment.
    static POOL: Pool = const { RefCell::new(Vec::new()) };
}

/// An empty recording.
#[inline]
pub(super) fn take() -> Box<Recording> {
    let taken = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop());
    taken.ok().flatten().unwrap_or_default()
}

/// Keeps a recording that is not wanted any more for the next [`take`].
#[inline]
pub(super) fn give_back(mut recording: Box<Recording>) {
    recording.clear();
    // Refused only on a thread that is being torn down.
    let _refused = POOL.try_with(|pool| {
        if let Ok(mut all) = pool.try_borrow_mut()
            && all.len() < LIMIT
        {
            all.push(recording);
        }
    });
}
