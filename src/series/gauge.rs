//! The last value of a gauge, shared by all threads.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use super::id::Owner;
use super::totals::Totals;
use crate::model::Number;

/// A value that any thread may set. Whole and broken numbers have places of their own, so that threads that set both at
/// once leave one of the two values and never a mixture of them.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) owner: Owner,
    /// How often it was set; threads that meet may count one of them only, which is enough to see that something was.
    count: AtomicU64,
    whole: AtomicI64,
    /// Bits of a float.
    broken: AtomicU64,
    /// Whether the last value is a float.
    float: AtomicBool,
    /// Whether one ever was: then whole numbers are exported as floats too.
    floats: AtomicBool,
}

impl Gauge {
    pub(super) const fn new() -> Self {
        Self {
            owner: Owner::nobody(),
            count: AtomicU64::new(0),
            whole: AtomicI64::new(0),
            broken: AtomicU64::new(0),
            float: AtomicBool::new(false),
            floats: AtomicBool::new(false),
        }
    }

    /// Sets a finite number.
    #[inline]
    pub(super) fn set(&self, value: Number) {
        match value {
            Number::I64(value) => {
                self.whole.store(value, Relaxed);
                self.float.store(false, Relaxed);
            }
            Number::F64(value) => {
                self.broken.store(value.to_bits(), Relaxed);
                self.floats.store(true, Relaxed);
                self.float.store(true, Relaxed);
            }
        }
        self.count.store(self.count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Whether nothing was set yet.
    pub(super) fn is_unset(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// Forgets that anything was set.
    pub(super) fn reset(&self) {
        self.floats.store(false, Relaxed);
        self.count.store(0, Relaxed);
    }

    pub(super) fn add_to(&self, totals: &mut Totals) {
        totals.count = self.count.load(Relaxed);
        totals.floats = self.floats.load(Relaxed);
        if self.float.load(Relaxed) {
            totals.sum = f64::from_bits(self.broken.load(Relaxed));
        } else {
            totals.whole = i128::from(self.whole.load(Relaxed));
        }
    }
}
