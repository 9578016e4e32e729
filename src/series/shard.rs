//! The cells of one thread, and how a thread finds its own.
//!
//! Each thread that records gets a shard, which belongs to the store. A thread that ends hands its shard back, and the
//! next new thread continues with it: there are as many shards as threads recorded at the same time, not as ever ran.
//! Where a thread has none any more (its thread-locals are being destroyed) it uses one that all such threads share,
//! behind a lock.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::cell::{HistogramCell, SpanCell, SumCell};
use super::table::Table;

/// What one thread recorded, by place.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) spans: Table<SpanCell>,
    pub(super) sums: Table<SumCell>,
    pub(super) histograms: Table<HistogramCell>,
}

impl Shard {
    const fn new() -> Self {
        Self { spans: Table::new(), sums: Table::new(), histograms: Table::new() }
    }
}

/// All shards of a store. Shards are only ever added: their memory lives as long as this.
#[derive(Debug)]
pub(super) struct Shards {
    /// Different for every store of the process, never used again, never 0.
    id: u64,
    pool: Mutex<Pool>,
    /// For threads whose thread-locals are gone.
    shared: Mutex<Arc<Shard>>,
}

#[derive(Debug)]
struct Pool {
    all: Vec<Arc<Shard>>,
    /// Those that no thread writes to.
    free: Vec<Arc<Shard>>,
}

thread_local! {
    /// The shard used last by this thread. No destructor: it can be read at any time, and reading it is one address.
    static CURRENT: Cell<Current> = const { Cell::new(Current::NONE) };
    /// All shards of this thread, a store each; hands them back when the thread ends.
    static OWN: Own = const { Own(RefCell::new(Vec::new())) };
}

#[derive(Clone, Copy)]
struct Current {
    /// [`Shards::id`]; 0 for none.
    store: u64,
    shard: *const Shard,
}

impl Current {
    const NONE: Self = Self { store: 0, shard: std::ptr::null() };
}

struct Own(RefCell<Vec<Owned>>);

struct Owned {
    store: u64,
    /// Weak, so that a thread that outlives the store keeps 1.5 kB of it, and that only until it uses another store.
    shards: Weak<Shards>,
    shard: Weak<Shard>,
}

impl Drop for Own {
    fn drop(&mut self) {
        // Destructors that run later and record must not write into a shard that has a new owner.
        CURRENT.set(Current::NONE);
        for owned in self.0.take() {
            if let (Some(shards), Some(shard)) = (owned.shards.upgrade(), owned.shard.upgrade()) {
                shards.pool().free.push(shard);
            }
        }
    }
}

impl Shards {
    pub(super) fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let shared = Arc::new(Shard::new());
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            pool: Mutex::new(Pool { all: vec![Arc::clone(&shared)], free: Vec::new() }),
            shared: Mutex::new(shared),
        })
    }

    /// The calling thread's shard, when it was the last one that the thread used.
    #[inline]
    pub(super) fn current(&self) -> Option<&Shard> {
        let current = CURRENT.get();
        if current.store != self.id {
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "a reference count or a borrow flag on every measurement would cost more than the rest"
        )]
        // SAFETY: `CURRENT` holds this store's id only together with the address of a shard in `self.pool.all`, where
        // shards are never taken out, and ids are never used twice. The shard is therefore alive as long as `self` is,
        // and it never moves, because it is in an `Arc`. Other threads may read it: all that changes in it is atomic.
        unsafe {
            current.shard.as_ref()
        }
    }

    /// Calls `f` with a shard that nobody else writes to meanwhile.
    pub(super) fn with<R>(self: &Arc<Self>, f: impl FnOnce(&Shard) -> R) -> R {
        let own = OWN.try_with(|own| self.own(own)).ok().flatten();
        let Some(shard) = own else {
            return f(&self.shared.lock().unwrap_or_else(PoisonError::into_inner));
        };
        f(&shard)
    }

    /// Every shard there is.
    pub(super) fn all(&self) -> Vec<Arc<Shard>> {
        self.pool().all.clone()
    }

    /// Finds or takes the calling thread's shard, and makes it the current one. `None` when it is called from within
    /// itself, by an allocator that records.
    fn own(self: &Arc<Self>, own: &Own) -> Option<Arc<Shard>> {
        let mut all = own.0.try_borrow_mut().ok()?;
        let found = all.iter().find(|owned| owned.store == self.id).and_then(|owned| owned.shard.upgrade());
        let shard = found.unwrap_or_else(|| {
            // Stores that are gone leave their entry until here.
            all.retain(|owned| owned.shards.strong_count() > 0);
            let shard = self.take();
            all.push(Owned { store: self.id, shards: Arc::downgrade(self), shard: Arc::downgrade(&shard) });
            shard
        });
        CURRENT.set(Current { store: self.id, shard: Arc::as_ptr(&shard) });
        Some(shard)
    }

    fn take(&self) -> Arc<Shard> {
        let mut pool = self.pool();
        pool.free.pop().unwrap_or_else(|| {
            let shard = Arc::new(Shard::new());
            pool.all.push(Arc::clone(&shard));
            shard
        })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_shard_and_leaves_it_to_the_next() {
        let shards = Shards::new();
        let address = |shards: &Arc<Shards>| shards.with(|shard| std::ptr::from_ref(shard).addr());
        let first = std::thread::spawn({
            let shards = Arc::clone(&shards);
            move || {
                assert!(shards.current().is_none());
                let first = address(&shards);
                assert_eq!(address(&shards), first);
                assert_eq!(shards.current().map(|shard| std::ptr::from_ref(shard).addr()), Some(first));
                first
            }
        });
        let first = first.join().unwrap();
        let second = std::thread::scope(|scope| scope.spawn(|| address(&shards)).join().unwrap());
        assert_eq!((first, shards.all().len()), (second, 2), "one shard and the shared one");
    }

    #[test]
    fn threads_and_stores_do_not_mix_and_a_store_that_is_gone_leaves_nothing_to_reach() {
        let (one, other) = (Shards::new(), Shards::new());
        let mine = one.with(|shard| std::ptr::from_ref(shard).addr());
        assert!(other.current().is_none());
        assert_ne!(other.with(|shard| std::ptr::from_ref(shard).addr()), mine);
        assert!(one.current().is_none());
        assert_eq!(one.with(|shard| std::ptr::from_ref(shard).addr()), mine);
        let gone = one.all().pop().map(|shard| Arc::downgrade(&shard)).unwrap();
        drop(one);
        assert!(gone.upgrade().is_none(), "the thread does not keep the cells of a store alive");
        assert!(other.current().is_none());
        other.with(|_| ());
        assert!(other.current().is_some());
    }
}
