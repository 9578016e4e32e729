//! Evaluation at work, on its own thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use super::super::collect::Collector;
use super::super::control::Requests;
use super::super::tick::{Published, patience, until_next};
use super::beside::Beside;
use super::{Evaluation, at, born};
use crate::clock::Timestamp;
use crate::internal;
use crate::layer;
use crate::names;
use crate::rules::Place;

/// Between two looks at messages under way, at groups that wait, and at a clock that somebody moves.
const TELLING: Duration = Duration::from_millis(250);
/// Rules that one line names; the others are counted.
const NAMED: usize = 10;

type Exported = watch::Receiver<Option<Published>>;

impl Evaluation {
    /// Collects, evaluates and tells on a thread of its own until a shutdown is asked for; then tells what waits. Ends
    /// with the thread, or when the deadline of the shutdown has passed.
    /// `exported` has what was collected for exports, which takes exemplars with it.
    pub(in crate::pipeline) async fn run(self, collector: Arc<Collector>, requests: Requests, exported: Exported) {
        let expired = requests.clone().expired();
        let (working, worked) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("bellwether-alerts".into()).spawn(move || {
            layer::suppress_thread();
            let work = move || -> io::Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.work(collector, requests, exported));
                // Does not wait for a name lookup that hangs.
                runtime.shutdown_background();
                Ok(())
            };
            match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => refused(&error),
                Err(_) => internal::warn("the evaluation of rules panicked and has stopped; please report this"),
            }
            drop(working);
        });
        match thread {
            Ok(_) => tokio::select! {
                // Nothing is sent: it ends when the thread does.
                _ = worked => {}
                () = expired => {}
            },
            Err(error) => refused(&error),
        }
    }

    async fn work(mut self, collector: Arc<Collector>, mut requests: Requests, mut exported: Exported) {
        loop {
            let wait = self.next.since(self.clock.now()).min(TELLING);
            tokio::select! {
                biased;
                () = requests.changed() => {}
                () = self.notifier.heard() => {}
                Ok(()) = exported.changed() => self.keep_exemplars(&mut exported),
                () = sleep(wait) => {}
            }
            if let Some(deadline) = requests.current().shutdown {
                return self.end(&collector, requests, &mut exported, deadline).await;
            }
            if self.clock.now() >= self.next {
                self.evaluate(&collector, requests.clone(), &mut exported).await;
                self.next = self.next_tick();
            }
            self.notifier.tick();
            self.store();
        }
    }

    /// The next multiple of the interval.
    pub(super) fn next_tick(&self) -> Timestamp {
        let now = self.clock.now();
        now.plus(until_next(now, self.interval))
    }

    /// Keeps what an export takes away from the series.
    fn keep_exemplars(&self, exported: &mut Exported) {
        if let Some(published) = exported.borrow_and_update().as_ref() {
            self.history.keep_exemplars(&published.snapshot);
        }
    }

    /// A last evaluation, so that what just happened is told, unless there is hardly the time for it; most of what is left
    /// then is for telling.
    async fn end(mut self, collector: &Collector, requests: Requests, exported: &mut Exported, deadline: Instant) {
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.took < left() / 2 {
            self.evaluate(collector, requests, exported).await;
        }
        self.notifier.drain(left().mul_f64(0.8)).await;
        self.store();
    }

    async fn evaluate(&mut self, collector: &Collector, requests: Requests, exported: &mut Exported) {
        let start = self.clock.ticks();
        if self.files.reload(&mut self.rules) {
            self.retain();
        }
        let mut snapshot = collector.look(patience(requests)).await;
        let own = snapshot.scopes.iter_mut().filter(|scope| scope.scope.name() == names::SCOPE);
        own.for_each(|scope| born::precede(&mut scope.metrics, self.evaluated.unwrap_or_default()));
        self.history.ingest(&snapshot);
        // Now the series are known for certain.
        self.keep_exemplars(exported);
        let history = &*self.history;
        let place = Place { source: history, sink: history, config: &self.config, clock: &self.clock };
        let alerts = self.rules.tick(at(snapshot.time), &place);
        let lines = self.rules.look(&place);
        self.evaluated = Some(snapshot.time);
        self.notifier.take(&alerts);
        self.published.send_replace(self.rules.overview(&self.config));
        let end = self.clock.ticks();
        self.beat.store(end, Ordering::Relaxed);
        self.took = Duration::from_nanos(end.saturating_sub(start));
        say(&lines);
    }

    /// Writes what a restart must find again, if that has changed.
    fn store(&mut self) {
        let Some(state) = &self.state else { return };
        let evaluated = self.evaluated.unwrap_or_else(|| self.clock.now());
        let stored = state.store(&mut self.rules, at(evaluated), |all| {
            self.notifier.save(all).map(|told| Beside::write(&self.instance, &told))
        });
        if let Err(error) = stored
            && self.lines.allows(self.clock.now(), &self.internal)
        {
            internal::warn(&format!(
                "the state of alerts cannot be written ({error}); after a restart they begin anew"
            ));
        }
    }
}

/// One line about rules that tell nothing, with a limit: a file for another service is one mistake and not hundreds.
fn say(lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let (shown, more) = lines.split_at(lines.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!("\n  and {} more", more.len()) };
    internal::warn(&format!("rules that cannot tell what they are for:\n  {}{more}", shown.join("\n  ")));
}

fn refused(error: &io::Error) {
    internal::warn(&format!("rules are not evaluated: the operating system refuses what they need ({error})"));
}
