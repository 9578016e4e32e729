//! What a child process does: one contender, all scenarios, one line `quantity value` each on standard output.

use std::hint::black_box;
use std::sync::{Barrier, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::contenders::{Contender, Installed, Result};
use crate::count::{allocations, bytes_of, process_time, thread_time};
use crate::workload::{LEAVES, SPANS, Task, measured_polls, measured_trees};

/// Trees between two flushes: less than the span queue of a default batch processor (2,048).
const BATCH: u64 = 100;
/// Batches before the first that is timed: by then most durations have opened the bucket that they fall into.
const WARM_UP: u64 = 100;
/// Trees a thread and batch, where two threads run.
const BATCH_OF_TWO: u64 = 50;
/// Polls a batch.
const POLLS: u64 = 10_000;
/// Bytes written before each cold tree: more than the second-level cache of the machines we know.
const SWEEP: usize = 4 << 20;
/// Live spans when memory is measured.
const LIVE: u64 = 100_000;
/// Series when memory is measured.
const SERIES: u64 = 1_000;

/// Durations of each of them, an octave apart, and the longest: from 1.2 µs to 10 s.
const SIZES: i32 = 24;
const LONGEST: Duration = Duration::from_secs(10);

/// How much work a child does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Batches of each timed scenario.
    pub(crate) batches: u64,
    /// Trees when instructions are counted.
    pub(crate) counted_trees: u64,
}

impl Effort {
    pub(crate) const FULL: Self = Self { batches: 100, counted_trees: 4_000 };
    pub(crate) const QUICK: Self = Self { batches: 20, counted_trees: 2_000 };
}

/// Numbers the trees and empties the queues between batches.
struct Run<'a> {
    contender: &'a Contender,
    installed: Box<dyn Installed>,
    trees: u64,
}

impl<'a> Run<'a> {
    fn new(contender: &'a Contender) -> Result<Self> {
        Ok(Self { contender, installed: (contender.install)()?, trees: 0 })
    }

    /// Runs a batch of trees on this thread and empties the queues.
    fn batch(&mut self, trees: u64) -> Result<()> {
        measured_trees(self.contender.tree, self.trees, trees);
        self.trees += trees;
        self.installed.flush()
    }

    fn check(&self) -> Result<()> {
        self.installed.flush()?;
        let (spans, recorded) = (self.trees * SPANS, self.installed.recorded()?);
        if self.contender.expected.agrees(recorded, spans) {
            return Ok(());
        }
        Err(format!("{}: of {spans} spans {recorded:?}; expected {:?}", self.contender.name, self.contender.expected)
            .into())
    }
}

/// All timed scenarios of a contender.
pub(crate) fn time(contender: &Contender, effort: Effort) -> Result<Vec<(&'static str, f64)>> {
    let mut run = Run::new(contender)?;
    for _ in 0..WARM_UP {
        run.batch(BATCH)?;
    }
    let mut quantities = warm(&mut run, effort)?;
    quantities.push(("cold", cold(&mut run, effort)?));
    quantities.push(("two threads", two_threads(&mut run, effort)?));
    quantities.push(("moving tasks", moving_tasks(&mut run, effort)?));
    run.check()?;
    if contender.tracing {
        quantities.push(("poll", polls(effort)));
    }
    Ok(quantities)
}

fn warm(run: &mut Run<'_>, effort: Effort) -> Result<Vec<(&'static str, f64)>> {
    let batches = usize::try_from(effort.batches)?;
    let (mut times, mut allocated) = (Vec::with_capacity(batches), Vec::with_capacity(batches));
    let process = process_time();
    for _ in 0..effort.batches {
        let (time, count) = (thread_time(), allocations());
        measured_trees(run.contender.tree, run.trees, BATCH);
        times.push((thread_time() - time) as f64 / (BATCH * SPANS) as f64);
        allocated.push((allocations() - count) as f64 / (BATCH * SPANS) as f64);
        run.trees += BATCH;
        run.installed.flush()?;
    }
    let spans = (effort.batches * BATCH * SPANS) as f64;
    Ok(vec![
        ("warm", median(&mut times)),
        ("process", (process_time() - process) as f64 / spans),
        ("allocations", allocated.iter().sum::<f64>() / effort.batches as f64),
        ("allocations of most batches", median(&mut allocated)),
    ])
}

/// One tree at a time, after the caches were filled with something else. Reading the clock costs as much as a few
/// spans, so it is measured in the same way and taken off.
fn cold(run: &mut Run<'_>, effort: Effort) -> Result<f64> {
    let mut memory = vec![0_u8; SWEEP];
    let (mut times, mut clock) = (Vec::new(), Vec::new());
    for at in 0..effort.batches * 5 {
        sweep(&mut memory);
        let start = thread_time();
        clock.push((thread_time() - start) as f64);
        sweep(&mut memory);
        let start = thread_time();
        measured_trees(run.contender.tree, run.trees, 1);
        times.push((thread_time() - start) as f64);
        run.trees += 1;
        if at % BATCH == 0 {
            run.installed.flush()?;
        }
    }
    run.installed.flush()?;
    Ok((median(&mut times) - median(&mut clock)) / SPANS as f64)
}

fn sweep(memory: &mut [u8]) {
    for line in memory.iter_mut().step_by(64) {
        *line = line.wrapping_add(1);
    }
    black_box(memory);
}

/// Two threads run trees at the same time; the mean of their medians.
fn two_threads(run: &mut Run<'_>, effort: Effort) -> Result<f64> {
    let (tree, first, barrier) = (run.contender.tree, run.trees, Barrier::new(3));
    let worker = |thread: u64| {
        let mut times = Vec::new();
        for batch in 0..effort.batches {
            barrier.wait();
            let start = thread_time();
            measured_trees(tree, first + (2 * batch + thread) * BATCH_OF_TWO, BATCH_OF_TWO);
            times.push((thread_time() - start) as f64 / (BATCH_OF_TWO * SPANS) as f64);
            barrier.wait();
        }
        median(&mut times)
    };
    let times = std::thread::scope(|scope| {
        let workers = [0, 1].map(|thread| scope.spawn(move || worker(thread)));
        let flushed = flush_between(&barrier, run.installed.as_ref(), effort);
        let times = workers.map(|worker| worker.join().map_err(|_| "a worker panicked"));
        flushed.map(|()| times)
    })?;
    run.trees += 2 * effort.batches * BATCH_OF_TWO;
    let [one, other] = times;
    Ok(f64::midpoint(one?, other?))
}

/// The main thread's part of a scenario with workers: waits for each batch, and empties the queues before the next.
fn flush_between(barrier: &Barrier, installed: &dyn Installed, effort: Effort) -> Result<()> {
    let mut flushed = Ok(());
    for _ in 0..effort.batches {
        barrier.wait();
        barrier.wait();
        flushed = flushed.and_then(|()| installed.flush());
    }
    flushed
}

/// Tasks that change the thread at every await: two threads poll their tasks once, then hand them to each other.
fn moving_tasks(run: &mut Run<'_>, effort: Effort) -> Result<f64> {
    let (task, first) = (run.contender.task, run.trees);
    let (turn, exchange) = (Barrier::new(3), Barrier::new(2));
    let (left, right) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let worker = |thread: u64| {
        let (mine, others) = if thread == 0 { (&left, &right) } else { (&right, &left) };
        let mut times = Vec::new();
        for batch in 0..effort.batches {
            turn.wait();
            let first = first + (2 * batch + thread) * BATCH_OF_TWO;
            let start = thread_time();
            let mut tasks: Vec<Task> = (first..first + BATCH_OF_TWO).map(task).collect();
            let mut time = thread_time() - start;
            for _ in 0..=LEAVES {
                let start = thread_time();
                tasks.retain_mut(poll);
                time += thread_time() - start;
                *others.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
                exchange.wait();
                tasks = std::mem::take(&mut *mine.lock().unwrap_or_else(PoisonError::into_inner));
                exchange.wait();
            }
            times.push(time as f64 / (BATCH_OF_TWO * SPANS) as f64);
            turn.wait();
            if !tasks.is_empty() {
                return Err("tasks did not end with their last await");
            }
        }
        Ok(median(&mut times))
    };
    let times = std::thread::scope(|scope| {
        let worker = &worker;
        let workers = [0, 1].map(|thread| scope.spawn(move || worker(thread)));
        let flushed = flush_between(&turn, run.installed.as_ref(), effort);
        let times = workers.map(|worker| worker.join().map_err(|_| "a worker panicked"));
        flushed.map(|()| times)
    })?;
    run.trees += 2 * effort.batches * BATCH_OF_TWO;
    let [one, other] = times;
    Ok(f64::midpoint(one??, other??))
}

/// Whether the task needs another poll.
fn poll(task: &mut Task) -> bool {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Time of an enter and an exit of a live span.
fn polls(effort: Effort) -> f64 {
    let span = tracing::info_span!("polled");
    let mut times = Vec::new();
    measured_polls(&span, POLLS);
    for _ in 0..effort.batches {
        let start = thread_time();
        measured_polls(&span, POLLS);
        times.push((thread_time() - start) as f64 / POLLS as f64);
    }
    median(&mut times)
}

/// Under the instruction counter: trees, flushed between batches as always; the counter sees `measured_trees` only.
/// Warm-up is a call of another name.
pub(crate) fn trees_to_count(contender: &Contender, effort: Effort) -> Result<()> {
    let mut run = Run::new(contender)?;
    for _ in 0..2 {
        (run.trees..run.trees + BATCH).for_each(contender.tree);
        run.trees += BATCH;
        run.installed.flush()?;
    }
    let trees = counted_trees(contender, effort);
    while run.trees < trees + 2 * BATCH {
        run.batch(BATCH)?;
    }
    run.check()
}

/// Where chance says which traces are sampled, and one that is takes many times the instructions of the others, so many
/// more that it says nothing about the mean.
fn counted_trees(contender: &Contender, effort: Effort) -> u64 {
    effort.counted_trees * if contender.expected.is_by_chance() { 10 } else { 1 }
}

/// Under the instruction counter: polls of one span.
pub(crate) fn polls_to_count(contender: &Contender) -> Result<()> {
    let _installed = (contender.install)()?;
    let span = tracing::info_span!("polled");
    for _ in 0..100 {
        drop(black_box(span.enter()));
    }
    measured_polls(&span, POLLS);
    Ok(())
}

/// Bytes of a live span and of 1,000 series, with one duration each and with durations of all sizes.
pub(crate) fn memory(contender: &Contender) -> Result<Vec<(&'static str, f64)>> {
    let mut run = Run::new(contender)?;
    run.batch(BATCH)?;
    let routes: Vec<String> = (0..SERIES).map(|n| format!("/route/{n}")).collect();
    let of_series = bytes_of(|| {
        for route in &routes {
            drop(tracing::info_span!("served", http.route = route.as_str()).entered());
        }
    });
    let mut spans = Vec::with_capacity(usize::try_from(LIVE)?);
    let of_spans = bytes_of(|| spans.extend((0..LIVE).map(|n| tracing::info_span!("live", n))));
    drop(spans);
    // In a store of its own, whose clock can be moved; the contender's would take as long as the spans.
    let capture = bellwether::testing::builder().sampling_ratio(0.0).build();
    let of_spread_series = bytes_of(|| {
        capture.scope(|| {
            for size in 0..SIZES {
                let duration = LONGEST.mul_f64(f64::from(size + 1 - SIZES).exp2());
                for route in &routes {
                    let span = tracing::info_span!("spread", http.route = route.as_str()).entered();
                    capture.advance(duration);
                    drop(span);
                }
            }
        });
    });
    Ok(vec![
        ("bytes a span", of_spans as f64 / LIVE as f64),
        ("bytes of series", of_series as f64),
        ("bytes of spread series", of_spread_series as f64),
    ])
}

/// Spans and polls that instructions are counted of.
pub(crate) fn counted(contender: &Contender, effort: Effort) -> (f64, f64) {
    ((counted_trees(contender, effort) * SPANS) as f64, POLLS as f64)
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
