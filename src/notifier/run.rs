//! The notifier at work: alerts in, messages sent beside it, what became of them noted.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::logs::SdkLogger;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::channels::{
    Alertmanager, Batch, Channel, Console, EmailChannel, Log, OtlpLog, Record, SlackChannel, Trouble, WebhookChannel,
};
use super::dispatch::{Dispatcher, Due, Outlet, Told};
use super::routing::{Receiver, Routing};
use super::throttle::Throttle;
use super::{Config, Notification, saved};
use crate::Error;
use crate::clock::{Clock, Timestamp};
use crate::internal::{self, Counter, Internal, RateLimit as LineLimit};
use crate::model::{Alert, Labels};
use crate::transport::jitter;

/// The receiver of channels that are added by code when there is no routing file.
const DEFAULT_RECEIVER: &str = "default";
/// Wait before the second try of a message; it doubles up to the longest. The wait is a random part of it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Between two lines about one channel.
const LINES: Duration = Duration::from_secs(300);

/// Tells people and programs about alerts.
///
/// It belongs to one thread: [`take`](Self::take) hands it news, [`tick`](Self::tick) starts what is due and notes what
/// ended, [`drain`](Self::drain) says what is left before the end. `tick` and `drain` run within a tokio runtime.
pub struct Notifier {
    dispatcher: Dispatcher,
    channels: Vec<Line>,
    alertmanagers: Vec<Alertmanager>,
    records: Vec<Box<dyn Record>>,
    /// Alerts that fire, as far as the records know.
    firing: BTreeSet<Labels>,
    alert_limit: usize,
    sending: JoinSet<Sent>,
    /// One for each channel, then one for each Alertmanager.
    lines: Vec<LineLimit>,
    internal: Arc<Internal>,
    clock: Clock,
}

/// A channel of a receiver, with what limits it.
#[derive(Debug)]
struct Line {
    channel: Arc<dyn Channel>,
    throttle: Throttle,
}

/// What became of a message.
enum Sent {
    Message { told: Told, result: Result<(), Trouble> },
    Batch { to: usize, batch: Batch, result: Result<(), Trouble> },
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("channels", &self.channels).finish_non_exhaustive()
    }
}

impl Notifier {
    /// Builds the channels of the routing file's receivers, and adds those that code brings, each by the name of its
    /// receiver. Opens no connection.
    ///
    /// # Errors
    /// When a URL or certificate is not usable, or a channel is for a receiver that the routing file does not have.
    pub fn new(
        config: Config,
        own: Vec<(String, Arc<dyn Channel>)>,
        internal: Arc<Internal>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let has_file = config.routing.is_some();
        let routing = config.routing.unwrap_or_else(|| Routing::to_one(DEFAULT_RECEIVER));
        let mut found: Vec<(String, Arc<dyn Channel>)> = Vec::new();
        for receiver in &routing.receivers {
            found.extend(channels(receiver)?.into_iter().map(|channel| (receiver.name.clone(), channel)));
        }
        for (receiver, channel) in own {
            let receiver = if has_file { receiver } else { DEFAULT_RECEIVER.to_owned() };
            if !routing.receivers.iter().any(|known| known.name == receiver) {
                let names: Vec<&str> = routing.receivers.iter().map(|known| known.name.as_str()).collect();
                let expected = format!("a receiver of the routing file: {}", names.join(", "));
                return Err(Error::invalid(format!("channel {}", channel.name()), receiver, expected));
            }
            found.push((receiver, channel));
        }
        let outlet = |(receiver, channel): &(String, Arc<dyn Channel>)| Outlet {
            receiver: receiver.clone(),
            name: channel.name().to_owned(),
            send_resolved: channel.send_resolved(),
        };
        let outlets = found.iter().map(outlet).collect();
        let alertmanagers = config.alertmanagers.iter().enumerate().map(|(at, endpoint)| {
            Alertmanager::new(format!("alertmanagers[{at}]"), &endpoint.url, &endpoint.http, config.alert_limit)
        });
        let alertmanagers = alertmanagers.collect::<Result<Vec<_>, _>>()?;
        let lines = (0..found.len() + alertmanagers.len()).map(|_| LineLimit::new(LINES)).collect();
        let line = |(_, channel)| Line { channel, throttle: Throttle::new(config.rate_limit) };
        Ok(Self {
            dispatcher: Dispatcher::new(routing, outlets, config.alert_limit),
            channels: found.into_iter().map(line).collect(),
            alertmanagers,
            records: if config.log { vec![Box::new(Log)] } else { Vec::new() },
            firing: BTreeSet::new(),
            alert_limit: config.alert_limit,
            sending: JoinSet::new(),
            lines,
            internal,
            clock,
        })
    }

    /// Writes a line about each alert that begins or ends, with colours if wanted: for a program that owns a terminal.
    pub fn add_console(&mut self, out: Box<dyn Write + Send>, colours: bool) {
        self.records.push(Box::new(Console::new(out, colours)));
    }

    /// Emits a log record about each alert that begins or ends ([`crate::names::ALERT_EVENT`]).
    pub fn add_logger(&mut self, logger: SdkLogger) {
        self.records.push(Box::new(OtlpLog::new(logger)));
    }

    /// Who is told, for a person.
    pub fn listeners(&self) -> Vec<String> {
        let records = self.records.iter().map(|record| record.name().to_owned());
        let channels = self.channels.iter().map(|line| line.channel.name().to_owned());
        let alertmanagers = self.alertmanagers.iter().map(|there| format!("Alertmanager {}", there.host()));
        records.chain(channels).chain(alertmanagers).collect()
    }

    /// Takes news: alerts that fire, again and again while they do, and alerts that ended.
    pub fn take(&mut self, alerts: &[Alert]) {
        let now = self.clock.now();
        for alert in alerts {
            self.note(alert, now);
        }
        let mut refused = self.dispatcher.take(alerts, now);
        for alertmanager in &mut self.alertmanagers {
            refused += alertmanager.take(alerts);
        }
        self.internal.add(Counter::AlertRefused, refused as u64);
    }

    /// Tells the records what changed.
    fn note(&mut self, alert: &Alert, now: Timestamp) {
        let firing = alert.is_firing(now);
        let changed = if firing {
            self.firing.len() < self.alert_limit && self.firing.insert(alert.labels.clone())
        } else {
            self.firing.remove(&alert.labels)
        };
        if changed {
            self.records.iter().for_each(|record| record.record(alert, firing));
        }
    }

    /// What a restart must find again, as a text for [`restore`](Self::restore); `None` when nothing has changed since the
    /// last time and `all` does not ask for it.
    pub fn save(&mut self, all: bool) -> Option<String> {
        (all || self.dispatcher.changed).then(|| saved::write(&self.dispatcher.save(), self.firing.iter()))
    }

    /// Goes on where an earlier run stood, so that nobody is told twice and every end is told.
    ///
    /// # Errors
    /// When the text is not what [`save`](Self::save) gave.
    pub fn restore(&mut self, text: &str) -> Result<(), String> {
        let found = saved::read(text, self.clock.now());
        let (groups, firing) = found.ok_or("what was told before is not readable")?;
        self.dispatcher.restore(groups);
        self.firing.extend(firing);
        Ok(())
    }

    /// Waits until a message under way is taken or lost; for ever when there is none.
    pub async fn heard(&mut self) {
        match self.sending.join_next().await {
            Some(sent) => self.ended(sent),
            None => std::future::pending().await,
        }
    }

    /// Notes what ended and starts what is due.
    pub fn tick(&mut self) {
        while let Some(sent) = self.sending.try_join_next() {
            self.ended(sent);
        }
        self.start(false);
    }

    /// Before the end: starts all that waits and waits for all that is under way, `limit` at most. What is not told by
    /// then is counted as failed.
    pub async fn drain(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        self.start(true);
        while let Ok(Some(sent)) = timeout_at(deadline, self.sending.join_next()).await {
            self.ended(sent);
            // What an Alertmanager has not got yet.
            if self.alertmanagers.iter().any(|alertmanager| !alertmanager.is_idle()) {
                self.start_batches(false);
            }
        }
        let lost = self.sending.len() + self.alertmanagers.iter().map(Alertmanager::waiting).sum::<usize>();
        self.internal.add(Counter::NotificationFailed, lost as u64);
        self.sending.abort_all();
    }

    fn start(&mut self, all: bool) {
        let now = self.clock.now();
        for due in self.dispatcher.due(now, all) {
            self.start_message(due, now);
        }
        self.start_batches(all);
    }

    fn start_message(&mut self, due: Due, now: Timestamp) {
        let Due { channel, mut notification, limit, told } = due;
        let line = &mut self.channels[channel];
        let Some(suppressed) = line.throttle.pass(now) else {
            self.internal.count(Counter::NotificationSuppressed);
            return self.dispatcher.failed(&told);
        };
        notification.suppressed = suppressed;
        let channel = Arc::clone(&line.channel);
        self.sending.spawn(async move {
            let result = deliver(&*channel, &notification, limit).await;
            Sent::Message { told, result }
        });
    }

    fn start_batches(&mut self, urgent: bool) {
        let now = self.clock.now();
        for (to, alertmanager) in self.alertmanagers.iter_mut().enumerate() {
            if let Some(batch) = alertmanager.next(now, urgent) {
                self.sending.spawn(async move {
                    let result = batch.send().await;
                    Sent::Batch { to, batch, result }
                });
            }
        }
    }

    fn ended(&mut self, sent: Result<Sent, tokio::task::JoinError>) {
        let now = self.clock.now();
        match sent {
            Ok(Sent::Message { told, result }) => {
                if let Err(trouble) = &result {
                    let channel = told.channel();
                    self.internal.count(Counter::NotificationFailed);
                    self.say(channel, self.channels[channel].channel.name(), trouble, now);
                    self.dispatcher.failed(&told);
                } else {
                    self.dispatcher.delivered(told, now);
                }
            }
            Ok(Sent::Batch { to, batch, result }) => {
                let lost = self.alertmanagers[to].done(&batch, &result, now);
                self.internal.add(Counter::NotificationFailed, lost as u64);
                if let Err(trouble) = &result {
                    self.say(self.channels.len() + to, self.alertmanagers[to].name(), trouble, now);
                }
            }
            // A channel of the host that panicked: its group stays busy no longer than the process, and is counted.
            Err(_) => self.internal.count(Counter::NotificationFailed),
        }
    }

    fn say(&self, line: usize, name: &str, trouble: &Trouble, now: Timestamp) {
        if self.lines[line].allows(now, &self.internal) {
            internal::warn(&format!("{name} did not take a notification about alerts: {}", trouble.why()));
        }
    }
}

/// Sends until the message is taken, refused, or out of time.
async fn deliver(channel: &dyn Channel, notification: &Notification, limit: Duration) -> Result<(), Trouble> {
    let deadline = Instant::now() + limit;
    let (mut wait, mut last) = (FIRST_WAIT, None);
    loop {
        let (why, after) = match timeout_at(deadline, channel.send(notification)).await {
            Ok(Err(Trouble::Again { why, after })) => (why, after),
            Ok(other) => return other,
            Err(_) => (last.unwrap_or_else(|| format!("no answer within {limit:?}")), None),
        };
        let pause = after.unwrap_or_else(|| wait.mul_f64(jitter()));
        // A server may ask for a wait that no clock can count.
        if Instant::now().checked_add(pause).is_none_or(|then| then >= deadline) {
            return Err(Trouble::Again { why, after: None });
        }
        last = Some(why);
        sleep(pause).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The channels of a receiver of the file.
fn channels(receiver: &Receiver) -> Result<Vec<Arc<dyn Channel>>, Error> {
    let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
    let name = |kind: &str, at: usize| format!("receiver {}: {kind}[{at}]", receiver.name);
    for (at, config) in receiver.webhooks.iter().enumerate() {
        channels.push(Arc::new(WebhookChannel::new(name("webhook_configs", at), config.clone())?));
    }
    for (at, config) in receiver.slacks.iter().enumerate() {
        channels.push(Arc::new(SlackChannel::new(name("slack_configs", at), config.clone())?));
    }
    for (at, config) in receiver.emails.iter().enumerate() {
        channels.push(Arc::new(EmailChannel::new(name("email_configs", at), config.clone())?));
    }
    Ok(channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;
    use crate::notifier::fixtures::minutes;
    use crate::notifier::{Reason, Sending};

    #[derive(Debug)]
    struct Busy(Duration);

    impl Channel for Busy {
        fn name(&self) -> &'static str {
            "busy"
        }

        fn send<'a>(&'a self, _: &'a Notification) -> Sending<'a> {
            Box::pin(async { Err(Trouble::Again { why: "busy".to_owned(), after: Some(self.0) }) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_a_wait_beyond_the_time_is_not_waited_for() {
        let notification = Notification {
            receiver: String::new(),
            group_key: String::new(),
            group_labels: Labels::default(),
            alerts: Vec::new(),
            reason: Reason::First,
            time: minutes(1),
            suppressed: 0,
        };
        for wait in [60, u64::MAX] {
            let begin = Instant::now();
            let told = deliver(&Busy(Duration::from_secs(wait)), &notification, Duration::from_secs(10)).await;
            assert_eq!(told, Err(Trouble::Again { why: "busy".to_owned(), after: None }));
            assert_eq!(Instant::now(), begin);
        }
    }
}
