//! One run: service, load, fault and figures, from the first document to the last answer.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{self, Instant, MissedTickBehavior};

use super::alerts::Changes;
use super::args::Args;
use super::corpus::Author;
use super::engine::Engine;
use super::figures::{Figures, Frame};
use super::load::Load;
use super::output::Shared;
use super::service;
use super::signals::Hangups;
use crate::clock::Clock;
use crate::model::Operation;
use crate::rules::Active;

/// Time from one table to the next.
const TICK: Duration = Duration::from_secs(1);
/// How long the service may take to end once nobody asks it any more.
const PATIENCE: Duration = Duration::from_millis(500);
/// Stands for "never" where a time is needed.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// A service under load, and the means to stop both.
struct Show {
    engine: Engine,
    load: JoinHandle<u64>,
    server: JoinHandle<io::Result<()>>,
    /// Dropped to stop the load.
    loading: oneshot::Sender<()>,
    /// Dropped to stop the service.
    serving: oneshot::Sender<()>,
}

/// What is left of a run: the figures so far, and how it went. Readings go on until the runtime has ended.
#[derive(Debug)]
pub struct Ended {
    /// Figures since the start of the load.
    pub figures: Figures,
    /// Whether the fault had begun.
    pub fault: bool,
    /// Requests that were due and left out because too many were under way.
    pub left_out: u64,
}

/// What telemetry knows.
#[derive(Debug)]
pub struct Known<O, A, R> {
    /// What each operation did since the start.
    pub operations: O,
    /// Alerts that are pending or firing.
    pub alerts: A,
    /// Reads rule files again.
    pub reload: R,
}

/// Runs until the time is up or `interrupted` ends; `known` reads what telemetry knows.
///
/// When it returns, all requests are answered or given up. Computation for those given up may still be under way on
/// the runtime's blocking threads, and ends with the runtime.
///
/// # Errors
/// No port is free, or the reader of the output has gone.
pub async fn run<W: Write>(
    args: &Args,
    output: &Shared<W>,
    clock: &Clock,
    known: Known<impl Fn() -> Vec<Operation>, impl Fn() -> Arc<[Active]>, impl Fn()>,
    interrupted: impl Future<Output = ()>,
) -> io::Result<Ended> {
    let hangups = Hangups::listen(!args.rules.is_empty());
    let show = Show::open(args, output).await?;
    let Known { operations, alerts, reload } = known;
    let mut figures = Figures::new(clock.now(), operations());
    let mut fault = false;
    let watched = {
        let mut read = || (figures.read(clock.now(), operations()), alerts());
        let reload = Reload { hangups, reload };
        watch(args, output, &show.engine, &mut fault, &mut read, reload, interrupted).await
    };
    // The service ends in good order even when nobody reads its figures any more.
    let left_out = show.close().await?;
    watched?;
    Ok(Ended { figures, fault, left_out })
}

impl Show {
    async fn open<W: Write>(args: &Args, output: &Shared<W>) -> io::Result<Self> {
        let Args { documents, seed, rate, .. } = *args;
        let author = Author::new();
        let load = Load::new(&author, seed);
        let engine = spawn_blocking(move || Engine::new(&author.documents(documents, seed))).await?;
        let listener = service::bind().await?;
        let address: SocketAddr = listener.local_addr()?;
        let (documents, terms) = (engine.index().documents(), engine.index().terms());
        let index = format!("Indexed {documents} documents, {terms} words: http://{address}/search?q=tide");
        output.lock().note(&index)?;
        let (serving, stop) = oneshot::channel();
        let server = tokio::spawn(service::serve(listener, engine.clone(), dropped(stop)));
        let (loading, stop) = oneshot::channel();
        let load = tokio::spawn(load.run(address, rate, dropped(stop)));
        Ok(Self { engine, load, server, loading, serving })
    }

    /// Stops the load, waits a moment for its last answers, then stops the service.
    async fn close(mut self) -> io::Result<u64> {
        drop(self.loading);
        let left_out = self.load.await?;
        drop(self.serving);
        match time::timeout(PATIENCE, &mut self.server).await {
            Ok(ended) => ended??,
            Err(_) => self.server.abort(),
        }
        Ok(left_out)
    }
}

/// Ends when the sender is dropped.
async fn dropped(sender: oneshot::Receiver<()>) {
    // Nothing is ever sent: the error is the signal.
    drop(sender.await);
}

/// When rule files are to be read again, and how.
struct Reload<R> {
    hangups: Hangups,
    reload: R,
}

/// Shows a table a tick, and lets the fault begin.
async fn watch<W: Write>(
    args: &Args,
    output: &Shared<W>,
    engine: &Engine,
    fault: &mut bool,
    read: &mut impl FnMut() -> (Frame, Arc<[Active]>),
    mut reload: Reload<impl Fn()>,
    interrupted: impl Future<Output = ()>,
) -> io::Result<()> {
    let start = Instant::now();
    let mut interrupted = pin!(interrupted);
    let mut end = pin!(time::sleep_until(start + args.length.unwrap_or(NEVER).min(NEVER)));
    let mut break_at = pin!(time::sleep_until(start + args.fault_at().unwrap_or(NEVER).min(NEVER)));
    let mut mend_at = pin!(time::sleep_until(start + args.mended_at().unwrap_or(NEVER).min(NEVER)));
    let (mut changes, mut slow) = (Changes::default(), false);
    let mut ticks = time::interval_at(start + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            // In this order, so that what is due is shown even when the end is due as well.
            biased;
            _ = ticks.tick() => {
                let (frame, alerts) = read();
                let mut output = output.lock();
                changes.read(&alerts).iter().try_for_each(|line| output.note(line))?;
                output.frame(&frame, slow, &alerts)?;
            }
            () = &mut break_at, if !*fault => {
                (*fault, slow) = (true, true);
                engine.break_rerank();
                output.lock().note("A careless release: from now on, rerank scores eight times as many documents.")?;
            }
            () = &mut mend_at, if slow => {
                slow = false;
                engine.mend_rerank();
                output.lock().note("The release is taken back: rerank is as it was.")?;
            }
            () = reload.hangups.next() => {
                (reload.reload)();
                output.lock().note("SIGHUP: the rule files are read again.")?;
            }
            () = &mut interrupted => return Ok(()),
            () = &mut end => return Ok(()),
        }
    }
}
