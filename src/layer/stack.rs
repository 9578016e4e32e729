//! The spans that a thread has entered, innermost last: the contextual parent without asking the Registry.
//!
//! The first entries lie in a thread-local without a destructor, so that a span entered in another thread-local's
//! destructor still finds its stack; deeper ones lie in a vector, and where that is gone already they are not
//! tracked. Entries carry the number of their layer, because one thread may serve several subscribers.

use std::cell::{Cell, RefCell};

/// Entries without allocation, and the empty one.
const INLINE: usize = 32;
/// Entries at most. A host that forgets its guards must not make the stack grow for ever.
const LIMIT: usize = 4_096;

/// One entered span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The span's id.
    pub(crate) id: u64,
    /// How it was entered.
    pub(crate) mark: Mark,
}

/// The layer that a span was entered through, and whether the span is quiet: none of the layer's members but the metrics
/// wants to know of its exit, and only they and the log bridge of its events. One word, so that both are asked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    const QUIET: u64 = 1 << 32;

    pub(crate) const fn loud(layer: u32) -> Self {
        Self(layer as u64)
    }

    pub(crate) const fn quiet(layer: u32) -> Self {
        Self(layer as u64 | Self::QUIET)
    }

    #[inline]
    pub(crate) fn is_of(self, layer: u32) -> bool {
        self.0 & !Self::QUIET == u64::from(layer)
    }
}

impl Entry {
    fn is(self, id: u64, layer: u32) -> bool {
        self.id == id && self.mark.is_of(layer)
    }
}

/// Of no layer.
const EMPTY: Entry = Entry { id: 0, mark: Mark(0) };

struct Stack {
    /// Entries, up to the inline ones; `INLINE` when there are deep ones.
    depth: Cell<usize>,
    /// Below the first entry lies the empty one, so that there always is a top.
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
pub(crate) fn pop(id: u64, layer: u32) {
    with(|stack| stack.remove(id, layer));
}

/// Forgets the innermost entry if it is this one; else does nothing.
#[inline]
pub(crate) fn pop_top(entry: Entry) -> bool {
    with(|stack| stack.pop_top(entry)).unwrap_or(false)
}

/// The innermost entry; `None` when [`further`] must be asked.
#[inline]
pub(crate) fn top() -> Option<Entry> {
    with(Stack::top).flatten()
}

/// The innermost entry that `is_current` accepts.
#[cold]
pub(crate) fn further<T>(is_current: impl Fn(Entry) -> Option<T>) -> Option<T> {
    with(|stack| {
        let deep = if stack.is_deep() {
            deep(|entries| entries.iter().rev().find_map(|entry| is_current(*entry))).flatten()
        } else {
            None
        };
        deep.or_else(|| stack.inline().iter().rev().find_map(|entry| is_current(entry.get())))
    })
    .flatten()
}

/// A span that may have been entered quietly is not quiet any more; on this thread.
#[cold]
pub(crate) fn make_loud(id: u64, layer: u32) {
    let loud = Entry { id, mark: Mark::loud(layer) };
    with(|stack| {
        stack.inline().iter().filter(|entry| entry.get().is(id, layer)).for_each(|entry| entry.set(loud));
    });
    deep(|entries| entries.iter_mut().filter(|entry| entry.is(id, layer)).for_each(|entry| *entry = loud));
}

/// Always `Some`: what has no destructor is never gone. `LocalKey::with` would bring code for the other case, and be
/// too large to be inlined.
#[inline]
fn with<R>(f: impl FnOnce(&Stack) -> R) -> Option<R> {
    STACK.try_with(f).ok()
}

#[cold]
fn push_deep(entry: Entry) {
    let pushed = deep(|entries| {
        if entries.len() < LIMIT - INLINE {
            entries.push(entry);
        }
    });
    if pushed.is_some() {
        with(|stack| stack.depth.set(INLINE));
    }
}

impl Stack {
    /// Whether there was room.
    #[inline]
    fn push(&self, entry: Entry) -> bool {
        let depth = self.depth.get() + 1;
        let place = self.entries.get(depth);
        if let Some(place) = place {
            place.set(entry);
            self.depth.set(depth);
        }
        place.is_some()
    }

    #[inline]
    fn pop_top(&self, entry: Entry) -> bool {
        let is_top = self.top() == Some(entry);
        if is_top {
            self.depth.set(self.depth.get().wrapping_sub(1));
        }
        is_top
    }

    /// The innermost entry, the empty one if need be; `None` when it lies deep.
    #[inline]
    fn top(&self) -> Option<Entry> {
        self.entries.get(self.depth.get()).map(Cell::get)
    }

    fn is_deep(&self) -> bool {
        self.depth.get() == INLINE
    }

    /// The inline entries, without the empty one.
    fn inline(&self) -> &[Cell<Entry>] {
        &self.entries[1..=self.depth.get().min(INLINE - 1)]
    }

    /// Removes the innermost entry of a span, which need not be on top: exits come out of order.
    fn remove(&self, id: u64, layer: u32) {
        let inline = self.inline();
        // How many deep entries are left, and whether one of them was it.
        let last = |entries: &mut Vec<Entry>| {
            let found = entries.iter().rposition(|entry| entry.is(id, layer)).map(|at| entries.remove(at));
            (entries.len(), found.is_some())
        };
        let (left, found) = if self.is_deep() { deep(last).unwrap_or_default() } else { (0, false) };
        let at = inline.iter().rposition(|entry| !found && entry.get().is(id, layer));
        let Some(at) = at else { return self.depth.set(if left > 0 { INLINE } else { inline.len() }) };
        for pair in inline[at..].windows(2) {
            pair[0].set(pair[1].get());
        }
        // The oldest of the deep entries moves up, so that the order stays.
        let oldest = if left > 0 { deep(|entries| entries.remove(0)) } else { None };
        if let (Some(oldest), Some(last)) = (oldest, inline.last()) {
            last.set(oldest);
        }
        self.depth.set(if left > 1 { INLINE } else { inline.len() - usize::from(left == 0) });
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
        Entry { id, mark: Mark::loud(LAYER) }
    }

    fn innermost() -> Option<u64> {
        further(|entry| entry.mark.is_of(LAYER).then_some(entry.id))
    }

    #[test]
    fn exits_in_any_order_leave_the_innermost_open_span_current_at_any_depth() {
        for depth in [3, INLINE as u64 - 1, INLINE as u64, INLINE as u64 + 1, 100] {
            (1..=depth).for_each(|id| push(entry(id)));
            assert_eq!(innermost(), Some(depth));
            pop(1, LAYER);
            assert_eq!(innermost(), Some(depth), "the outermost went first");
            for id in (2..=depth).rev() {
                assert_eq!(innermost(), Some(id), "depth {depth}");
                pop(id, LAYER);
            }
            assert_eq!(innermost(), None);
        }
    }

    #[test]
    fn a_span_entered_twice_is_current_until_its_second_exit() {
        for id in [1, 2, 1] {
            push(entry(id));
        }
        pop(1, LAYER);
        assert_eq!(innermost(), Some(2));
        pop(2, LAYER);
        assert_eq!(innermost(), Some(1));
        pop(1, LAYER);
        assert_eq!(innermost(), None);
    }

    #[test]
    fn another_layers_spans_are_passed_over() {
        push(entry(1));
        push(Entry { id: 2, mark: Mark::quiet(8) });
        assert_eq!(innermost(), Some(1));
        pop(2, LAYER);
        pop(1, 8);
        assert_eq!(innermost(), Some(1), "neither of them is this layer's");
        pop(1, LAYER);
        assert_eq!(innermost(), None);
        pop(2, 8);
    }

    #[test]
    fn guards_that_are_never_dropped_do_not_make_the_stack_grow_for_ever() {
        (0..2 * LIMIT as u64).for_each(|id| push(entry(id + 1)));
        assert_eq!(deep(|entries| entries.len()), Some(LIMIT - INLINE));
        (0..2 * LIMIT as u64).for_each(|id| pop(id + 1, LAYER));
        assert_eq!(innermost(), None);
    }

    #[test]
    fn a_quiet_span_is_popped_as_such_until_it_is_made_loud_at_any_depth() {
        let quiet = |id| Entry { id, mark: Mark::quiet(LAYER) };
        for depth in [1, INLINE as u64 - 1, INLINE as u64 + 1] {
            (1..=depth).for_each(|id| push(quiet(id)));
            make_loud(depth, LAYER);
            assert!(!pop_top(quiet(depth)));
            pop(depth, LAYER);
            for id in (1..depth).rev() {
                assert!(pop_top(quiet(id)) || id >= INLINE as u64);
                pop(id, LAYER);
            }
            assert_eq!(innermost(), None, "depth {depth}");
        }
    }
}
