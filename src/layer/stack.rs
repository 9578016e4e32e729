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
    /// Its slot.
    pub(crate) index: u32,
    /// The layer that the slot belongs to.
    pub(crate) layer: u32,
}

const EMPTY: Entry = Entry { id: 0, index: 0, layer: 0 };

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
    STACK.with(|stack| {
        let depth = stack.depth.get();
        if let Some(cell) = stack.entries.get(depth) {
            cell.set(entry);
            stack.depth.set(depth + 1);
        } else {
            deep(|entries| {
                if entries.len() < LIMIT - INLINE {
                    entries.push(entry);
                }
            });
        }
    });
}

/// A span was exited; the entry of its innermost entering, wherever it lies.
#[inline]
pub(crate) fn pop(id: u64, layer: u32) -> Option<Entry> {
    STACK.with(|stack| {
        let depth = stack.depth.get();
        if depth == 0 {
            return None;
        }
        if depth < INLINE {
            let top = stack.entries[depth - 1].get();
            if top.id == id && top.layer == layer {
                stack.depth.set(depth - 1);
                return Some(top);
            }
        }
        stack.remove(id, layer)
    })
}

/// The innermost entry that `is_current` accepts.
#[inline]
pub(crate) fn current<T>(mut is_current: impl FnMut(Entry) -> Option<T>) -> Option<T> {
    STACK.with(|stack| {
        let depth = stack.depth.get();
        if depth == INLINE
            && let Some(found) = deep(|entries| entries.iter().rev().find_map(|entry| is_current(*entry))).flatten()
        {
            return Some(found);
        }
        stack.entries[..depth].iter().rev().find_map(|entry| is_current(entry.get()))
    })
}

impl Stack {
    /// Removes an entry that is not on top: exits came out of order, or the stack is deep.
    #[cold]
    fn remove(&self, id: u64, layer: u32) -> Option<Entry> {
        let is_it = |entry: &Entry| entry.id == id && entry.layer == layer;
        let from_deep = deep(|entries| entries.iter().rposition(is_it).map(|at| entries.remove(at))).flatten();
        if from_deep.is_some() {
            return from_deep;
        }
        let depth = self.depth.get();
        let at = self.entries[..depth].iter().rposition(|entry| is_it(&entry.get()))?;
        let removed = self.entries[at].get();
        for later in at + 1..depth {
            self.entries[later - 1].set(self.entries[later].get());
        }
        // The oldest of the deep entries moves up, so that the order stays.
        match deep(|entries| (!entries.is_empty()).then(|| entries.remove(0))).flatten() {
            Some(entry) => self.entries[depth - 1].set(entry),
            None => self.depth.set(depth - 1),
        }
        Some(removed)
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
        Entry { id, index: 0, layer: LAYER }
    }

    fn top() -> Option<u64> {
        current(|entry| (entry.layer == LAYER).then_some(entry.id))
    }

    #[test]
    fn exits_in_any_order_leave_the_innermost_open_span_current_at_any_depth() {
        for depth in [3, INLINE as u64 - 1, INLINE as u64, INLINE as u64 + 1, 100] {
            (1..=depth).for_each(|id| push(entry(id)));
            assert_eq!(top(), Some(depth));
            assert_eq!(pop(1, LAYER), Some(entry(1)), "the outermost first");
            assert_eq!(pop(1, LAYER), None, "only once");
            assert_eq!(top(), Some(depth));
            for id in (2..=depth).rev() {
                assert_eq!(top(), Some(id), "depth {depth}");
                assert_eq!(pop(id, LAYER), Some(entry(id)));
            }
            assert_eq!(top(), None);
        }
    }

    #[test]
    fn a_span_entered_twice_is_current_until_its_second_exit() {
        for id in [1, 2, 1] {
            push(entry(id));
        }
        assert_eq!(pop(1, LAYER), Some(entry(1)));
        assert_eq!(top(), Some(2));
        assert!(pop(2, LAYER).is_some() && pop(1, LAYER).is_some());
        assert_eq!(top(), None);
    }

    #[test]
    fn another_layers_spans_are_passed_over() {
        push(entry(1));
        push(Entry { layer: 8, ..entry(2) });
        assert_eq!(top(), Some(1));
        assert_eq!(pop(2, LAYER), None);
        assert!(pop(2, 8).is_some() && pop(1, LAYER).is_some());
    }

    #[test]
    fn guards_that_are_never_dropped_do_not_make_the_stack_grow_for_ever() {
        (0..2 * LIMIT as u64).for_each(|id| push(entry(id + 1)));
        assert_eq!(deep(|entries| entries.len()), Some(LIMIT - INLINE));
        let popped = (0..2 * LIMIT as u64).filter(|id| pop(id + 1, LAYER).is_some()).count();
        assert_eq!(popped, LIMIT);
        assert_eq!(top(), None);
    }
}
