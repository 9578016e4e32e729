//! Evaluation at work, on its own thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::super::collect::Collector;
use super::super::control::Requests;
use super::super::tick::{patience, until_next};
use super::beside::Beside;
use super::{Evaluation, at};
use crate::clock::Timestamp;
use crate::internal;
use crate::layer;
use crate::rules::Place;

/// Between two looks at messages under way, at groups that wait, and at a clock that somebody moves.
const TELLING: Duration = Duration::from_millis(250);
/// Rules that one line names; the others are counted.
const NAMED: usize = 10;

impl Evaluation {
    /// Collects, evaluates and tells on a thread of its own until a shutdown is asked for; then tells what waits. Ends
    /// with the thread, or when the deadline of the shutdown has passed.
    pub(in crate::pipeline) async fn run(self, collector: Arc<Collector>, requests: Requests) {
        let expired = requests.clone().expired();
        let (working, worked) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("bellwether-alerts".into()).spawn(move || {
            layer::suppress_thread();
            let work = move || -> io::Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.work(collector, requests));
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

    async fn work(mut self, collector: Arc<Collector>, mut requests: Requests) {
        let mut next = self.next();
        loop {
            let wait = next.since(self.clock.now()).min(TELLING);
            tokio::select! {
                biased;
                () = requests.changed() => {}
                () = self.notifier.heard() => {}
                () = sleep(wait) => {}
            }
            if let Some(deadline) = requests.current().shutdown {
                return self.end(&collector, requests, deadline).await;
            }
            if self.clock.now() >= next {
                self.evaluate(&collector, requests.clone()).await;
                next = self.next();
            }
            self.notifier.tick();
            self.store();
        }
    }

    /// When to evaluate next.
    fn next(&self) -> Timestamp {
        let now = self.clock.now();
        now.plus(until_next(now, self.interval))
    }

    /// A last evaluation, so that what just happened is told, unless there is hardly the time for it; most of what is left
    /// then is for telling.
    async fn end(mut self, collector: &Collector, requests: Requests, deadline: Instant) {
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.took < left() / 2 {
            self.evaluate(collector, requests).await;
        }
        self.notifier.drain(left().mul_f64(0.8)).await;
        self.store();
    }

    async fn evaluate(&mut self, collector: &Collector, requests: Requests) {
        let start = self.clock.ticks();
        if self.files.reload(&mut self.rules) {
            self.retain();
        }
        let snapshot = collector.look(patience(requests)).await;
        self.history.ingest(&snapshot);
        let history = &*self.history;
        let place = Place { source: history, sink: history, config: &self.config, clock: &self.clock };
        let alerts = self.rules.tick(at(snapshot.time), &place);
        let lines = self.rules.look(&place);
        self.evaluated = Some(snapshot.time);
        self.notifier.take(&alerts);
        self.published.send_replace(self.rules.overview(&self.config));
        self.took = Duration::from_nanos(self.clock.ticks().saturating_sub(start));
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
    let mut shown = lines[..lines.len().min(NAMED)].join("\n  ");
    if lines.len() > NAMED {
        shown.push_str(&format!("\n  and {} more", lines.len() - NAMED));
    }
    internal::warn(&format!("rules that cannot tell what they are for:\n  {shown}"));
}

fn refused(error: &io::Error) {
    internal::warn(&format!("rules are not evaluated: the operating system refuses what they need ({error})"));
}
