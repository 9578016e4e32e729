//! The spans that a thread has entered, innermost last: the contextual parent without asking the Registry.
//!
//! The first entries lie in a thread-local without a destructor, so that a span entered in another thread-local's
//! destructor still finds its stack; deeper ones lie in a vector, and where that is gone already they are not
//! tracked. Entries carry the number of their layer, because one thread may serve several subscribers.

use std::cell::{Cell, RefCell};

/// Entries without allocation.
const INLINE: usize = 32;
/// Entries at most. A host that forgets its guards must not make the stack grow for ever.
const LIMIT: usize = 4_096;

/// One entered span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The span's id.
    pub(crate) id: u64,
    /// The layer that the span was entered through.
    pub(crate) layer: u32,
}

const EMPTY: Entry = Entry { id: 0, layer: 0 };

struct Stack {
    depth: Cell<usize>,
    entries: [Cell<Entry>; INLINE],
}

thread_local! {
    static STACK: Stack = const { Stack { depth: Cell::new(0), entries: [const { Cell::new(EMPTY) }; INLINE] } };
    /// Entries beyond the inline ones. Never borrowed while foreign code runs.
    static DEEP: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// A span was entered.
#[inline]
pub(crate) fn push(entry: Entry) {
    if !with(|stack| stack.push(entry)).unwrap_or(true) {
        push_deep(entry);
    }
}

/// A span was exited: forgets its innermost entering, wherever it lies.
#[inline]
pub(crate) fn pop(entry: Entry) {
    if !pop_top(entry) {
        with(|stack| stack.remove(entry));
    }
}

/// Forgets the innermost entry if it is this one; else does nothing.
#[inline]
pub(crate) fn pop_top(entry: Entry) -> bool {
    with(|stack| stack.pop_top(entry)).unwrap_or(false)
}

/// The innermost entry; `None` when there is none, or when [`further`] must be asked.
#[inline]
pub(crate) fn top() -> Option<Entry> {
    with(Stack::top).flatten()
}

/// The innermost entry that `is_current` accepts.
#[cold]
pub(crate) fn further<T>(is_current: impl Fn(Entry) -> Option<T>) -> Option<T> {
    with(|stack| {
        let depth = stack.depth.get();
        let deep = if depth == INLINE {
            deep(|entries| entries.iter().rev().find_map(|entry| is_current(*entry))).flatten()
        } else {
            None
        };
        deep.or_else(|| stack.entries[..depth].iter().rev().find_map(|entry| is_current(entry.get())))
    })
    .flatten()
}

/// Always `Some`: what has no destructor is never gone. `LocalKey::with` would bring code for the other case, and be
/// too large to be inlined.
#[inline]
fn with<R>(f: impl FnOnce(&Stack) -> R) -> Option<R> {
    STACK.try_with(f).ok()
}

#[cold]
fn push_deep(entry: Entry) {
    deep(|entries| {
        if entries.len() < LIMIT - INLINE {
            entries.push(entry);
        }
    });
}

impl Stack {
    /// Whether there was room.
    #[inline]
    fn push(&self, entry: Entry) -> bool {
        let depth = self.depth.get();
        let has_room = depth < INLINE;
        if has_room {
            self.entries[depth].set(entry);
            self.depth.set(depth + 1);
        }
        has_room
    }

    #[inline]
    fn pop_top(&self, entry: Entry) -> bool {
        let is_top = self.top() == Some(entry);
        if is_top {
            self.depth.set(self.depth.get().wrapping_sub(1));
        }
        is_top
    }

    /// The innermost entry, unless it may lie deep.
    #[inline]
    fn top(&self) -> Option<Entry> {
        // The depth is below `INLINE`, and wraps to where nothing is when it is zero.
        let depth = self.depth.get();
        if depth == INLINE { None } else { self.entries.get(depth.wrapping_sub(1)).map(Cell::get) }
    }

    /// Removes an entry that is not on top: exits came out of order, or the stack is deep.
    #[cold]
    fn remove(&self, entry: Entry) {
        let last = |entries: &mut Vec<Entry>| entries.iter().rposition(|it| *it == entry).map(|at| entries.remove(at));
        let depth = self.depth.get();
        if depth == INLINE && deep(last).flatten().is_some() {
            return;
        }
        let Some(at) = self.entries[..depth].iter().rposition(|it| it.get() == entry) else { return };
        for later in at + 1..depth {
            self.entries[later - 1].set(self.entries[later].get());
        }
        // The oldest of the deep entries moves up, so that the order stays.
        let oldest = |entries: &mut Vec<Entry>| (!entries.is_empty()).then(|| entries.remove(0));
        match if depth == INLINE { deep(oldest).flatten() } else { None } {
            Some(entry) => self.entries[depth - 1].set(entry),
            None => self.depth.set(depth - 1),
        }
    }
}

/// `None` once the thread has destroyed its deep entries.
fn deep<T>(f: impl FnOnce(&mut Vec<Entry>) -> T) -> Option<T> {
    DEEP.try_with(|entries| entries.try_borrow_mut().ok().map(|mut entries| f(&mut entries))).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: u32 = 7;

    fn entry(id: u64) -> Entry {
        Entry { id, layer: LAYER }
    }

    fn innermost() -> Option<u64> {
        further(|entry| (entry.layer == LAYER).then_some(entry.id))
    }

    #[test]
    fn exits_in_any_order_leave_the_innermost_open_span_current_at_any_depth() {
        for depth in [3, INLINE as u64 - 1, INLINE as u64, INLINE as u64 + 1, 100] {
            (1..=depth).for_each(|id| push(entry(id)));
            assert_eq!(innermost(), Some(depth));
            pop(entry(1));
            assert_eq!(innermost(), Some(depth), "the outermost went first");
            for id in (2..=depth).rev() {
                assert_eq!(innermost(), Some(id), "depth {depth}");
                pop(entry(id));
            }
            assert_eq!(innermost(), None);
        }
    }

    #[test]
    fn a_span_entered_twice_is_current_until_its_second_exit() {
        for id in [1, 2, 1] {
            push(entry(id));
        }
        pop(entry(1));
        assert_eq!(innermost(), Some(2));
        pop(entry(2));
        assert_eq!(innermost(), Some(1));
        pop(entry(1));
        assert_eq!(innermost(), None);
    }

    #[test]
    fn another_layers_spans_are_passed_over() {
        push(entry(1));
        push(Entry { layer: 8, ..entry(2) });
        assert_eq!(innermost(), Some(1));
        pop(entry(2));
        pop(Entry { layer: 8, ..entry(1) });
        assert_eq!(innermost(), Some(1), "neither of them is this layer's");
        pop(entry(1));
        assert_eq!(innermost(), None);
        pop(Entry { layer: 8, ..entry(2) });
    }

    #[test]
    fn guards_that_are_never_dropped_do_not_make_the_stack_grow_for_ever() {
        (0..2 * LIMIT as u64).for_each(|id| push(entry(id + 1)));
        assert_eq!(deep(|entries| entries.len()), Some(LIMIT - INLINE));
        (0..2 * LIMIT as u64).for_each(|id| pop(entry(id + 1)));
        assert_eq!(innermost(), None);
    }
}
