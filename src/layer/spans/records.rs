//! What is recorded of some live spans, found by id as their slots are.
//!
//! Few spans of a busy service have a record, so that it does not lie in the slot. A record is behind a lock of its
//! own, which nobody holds while foreign code runs, and which two threads want only when both record on one span.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{CHUNK, CHUNKS, place, ways};

/// A place for a record: a span's id, 0 when the place is free, and what is recorded of that span.
type Place<T> = Mutex<(u64, Option<Box<T>>)>;

type Chunk<T> = [Place<T>; CHUNK];

/// The records of one layer.
pub(crate) struct Records<T> {
    chunks: Box<[OnceLock<Box<Chunk<T>>>]>,
    /// Of spans whose neighbours have taken all places: no more than there are slots for.
    overflow: Mutex<HashMap<u64, Box<T>>>,
}

impl<T> Records<T> {
    pub(crate) fn new() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), overflow: Mutex::default() }
    }

    /// Keeps the record of a span that has none.
    #[inline]
    pub(crate) fn insert(&self, id: u64, record: Box<T>) {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get_or_init(make_chunk);
        let mut held = lock(&chunk[first % CHUNK]);
        if held.0 == 0 {
            *held = (id, Some(record));
        } else {
            drop(held);
            self.insert_elsewhere(chunk, first, id, record);
        }
    }

    /// Calls `f` with the record of a span, if it has one.
    #[inline]
    pub(crate) fn with<R>(&self, id: u64, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get()?;
        let mut held = lock(&chunk[first % CHUNK]);
        if held.0 == id {
            return held.1.as_deref_mut().map(f);
        }
        drop(held);
        self.with_elsewhere(chunk, first, id, f)
    }

    /// Calls `f` with the record of a span, if it has one, and gives the record away where `f` has no answer.
    #[inline]
    pub(crate) fn with_or_take<R>(&self, id: u64, f: impl FnOnce(&mut T) -> Option<R>) -> Option<Result<R, Box<T>>> {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get()?;
        let mut held = lock(&chunk[first % CHUNK]);
        if held.0 == id {
            if let Some(answer) = f(held.1.as_deref_mut()?) {
                return Some(Ok(answer));
            }
            held.0 = 0;
            return held.1.take().map(Err);
        }
        drop(held);
        match self.with_elsewhere(chunk, first, id, f)? {
            Some(answer) => Some(Ok(answer)),
            None => self.take_elsewhere(chunk, first, id).map(Err),
        }
    }

    /// Gives the record of a span away, if it has one.
    #[inline]
    pub(crate) fn take(&self, id: u64) -> Option<Box<T>> {
        let first = place(id);
        let chunk = self.chunks[first / CHUNK].get()?;
        let mut held = lock(&chunk[first % CHUNK]);
        if held.0 == id {
            held.0 = 0;
            return held.1.take();
        }
        drop(held);
        self.take_elsewhere(chunk, first, id)
    }

    #[cold]
    fn insert_elsewhere(&self, chunk: &Chunk<T>, first: usize, id: u64, record: Box<T>) {
        match ways(first).map(|at| lock(&chunk[at % CHUNK])).find(|held| held.0 == 0) {
            Some(mut held) => *held = (id, Some(record)),
            None => {
                self.lock_overflow().insert(id, record);
            }
        }
    }

    #[cold]
    fn with_elsewhere<R>(&self, chunk: &Chunk<T>, first: usize, id: u64, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        match ways(first).map(|at| lock(&chunk[at % CHUNK])).find(|held| held.0 == id) {
            Some(mut held) => held.1.as_deref_mut().map(f),
            None => self.lock_overflow().get_mut(&id).map(|record| f(record)),
        }
    }

    #[cold]
    fn take_elsewhere(&self, chunk: &Chunk<T>, first: usize, id: u64) -> Option<Box<T>> {
        match ways(first).map(|at| lock(&chunk[at % CHUNK])).find(|held| held.0 == id) {
            Some(mut held) => std::mem::take(&mut *held).1,
            None => self.lock_overflow().remove(&id),
        }
    }

    fn lock_overflow(&self) -> MutexGuard<'_, HashMap<u64, Box<T>>> {
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[inline]
fn lock<T>(place: &Place<T>) -> MutexGuard<'_, (u64, Option<Box<T>>)> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn make_chunk<T>() -> Box<Chunk<T>> {
    Box::new(std::array::from_fn(|_| Mutex::new((0, None))))
}

impl<T> fmt::Debug for Records<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_found_by_its_id_in_its_place_beside_it_and_in_the_overflow() {
        let records = Records::new();
        // All of them want the same place, and only eight find room in its set.
        let ids: Vec<u64> = (0..20).map(|n| 1 + n * super::super::CAPACITY as u64).collect();
        for id in &ids {
            records.insert(*id, Box::new(*id));
        }
        assert_eq!(records.lock_overflow().len(), 12);
        for id in &ids {
            assert_eq!(records.with(*id, |record| std::mem::replace(record, id + 1)), Some(*id));
            assert_eq!(records.take(*id).as_deref(), Some(&(id + 1)));
            assert_eq!((records.take(*id), records.with(*id, |_| ())), (None, None));
        }
        records.insert(1, Box::new(7));
        assert_eq!(records.take(1).as_deref(), Some(&7), "a place is free again");
    }
}
