//! What is counted: CPU time of a thread and of the process, allocations of a thread, and bytes that it holds.
#![expect(unsafe_code, reason = "an allocator and the clocks of libc have no safe form")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// `None` where nobody asks: to find out costs more than the rest of an allocation.
    static BYTES: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The system's allocator; keeps count for the calling thread.
struct Counting;

fn count_one() {
    // A thread that is going away has no counter any more, and is not measured.
    let _gone = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

/// Adds what an allocation takes, `sign` times.
fn count_bytes(pointer: *mut u8, layout: Layout, sign: i64) {
    if let Ok(Some(count)) = BYTES.try_with(Cell::get)
        && !pointer.is_null()
    {
        let bytes = i64::try_from(block(pointer, layout)).unwrap_or(0);
        BYTES.set(Some(count + sign * bytes));
    }
}

/// What the C library takes for an allocation, with its own word before it; elsewhere what was asked for.
fn block(pointer: *mut u8, layout: Layout) -> usize {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let _ = layout;
        // SAFETY: `System` is the C library's allocator there, and the block is allocated.
        unsafe { libc::malloc_usable_size(pointer.cast()) + size_of::<usize>() }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = pointer;
        layout.size()
    }
}

// SAFETY: every call is handed to the system's allocator as it came; the counters are plain cells of the thread that
// neither allocate nor have a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise is passed on.
        let pointer = unsafe { System.alloc(layout) };
        count_bytes(pointer, layout, 1);
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise is passed on.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        count_bytes(pointer, layout, 1);
        pointer
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        count_bytes(pointer, layout, -1);
        // SAFETY: the caller's promise is passed on.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        // Where there is no room, the old block stays.
        count_bytes(if moved.is_null() { pointer } else { moved }, layout, 1);
        moved
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count_bytes(pointer, layout, -1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread so far, reallocations included.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer; the clocks asked for exist on every Unix that has threads.
    let _ok = unsafe { libc::clock_gettime(clock, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// CPU time of this thread, in nanoseconds.
pub(crate) fn thread_time() -> u64 {
    nanoseconds(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of all threads of the process, in nanoseconds.
pub(crate) fn process_time() -> u64 {
    nanoseconds(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Bytes that this thread allocates in `f` and does not free. Other threads, which collect and export, do not count.
pub(crate) fn bytes_of(f: impl FnOnce()) -> i64 {
    BYTES.set(Some(0));
    f();
    BYTES.take().unwrap_or(0)
}
