//! Alerts told over real connections: what arrives, what is tried again, and what an outage loses.
#![expect(clippy::unwrap_used, reason = "a test's server that fails is a failed test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::internal::{Counter, Internal};
use bellwether::model::{Alert, Labels};
use bellwether::notifier::routing::Http;
use bellwether::notifier::{
    AlertmanagerEndpoint, Channel, Config, Notification, Notifier, RateLimit, Routing, Sending,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What the server got: path, `authorization`, body.
type Got = (String, Option<String>, Value);

/// A server that answers with these statuses in their order, then with 200.
async fn server(statuses: &[u16]) -> (String, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect::<VecDeque<u16>>()));
    let (got, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (got, statuses) = (got.clone(), Arc::clone(&statuses));
            let answer = service_fn(move |request: Request<Incoming>| {
                let (got, statuses) = (got.clone(), Arc::clone(&statuses));
                async move {
                    let path = request.uri().path().to_owned();
                    let authorization =
                        request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
                    let body = request.into_body().collect().await?.to_bytes();
                    let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
                    got.send((path, authorization, serde_json::from_slice(&body).unwrap())).unwrap();
                    let response = Response::builder().status(status).body(Full::new(Bytes::from("said so")));
                    Ok::<_, hyper::Error>(response.unwrap())
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (url, receiver)
}

struct Told {
    notifier: Notifier,
    clock: Clock,
    internal: Arc<Internal>,
}

impl Told {
    fn new(config: Config, own: Vec<(String, Arc<dyn Channel>)>) -> Self {
        let (clock, internal) = (Clock::manual(Timestamp(1_000_000_000_000)), Arc::new(Internal::default()));
        let notifier = Notifier::new(config, own, Arc::clone(&internal), clock.clone()).unwrap();
        Self { notifier, clock, internal }
    }

    fn after(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.notifier.tick();
    }

    /// Ticks until the server has something, without moving the clock.
    async fn arrives(&mut self, receiver: &mut mpsc::UnboundedReceiver<Got>) -> Got {
        let got = tokio::time::timeout(Duration::from_secs(20), receiver.recv()).await.unwrap().unwrap();
        // The answer is on its way back.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.notifier.tick();
        }
        got
    }

    fn alert(&self, labels: &[(&str, &str)], ended: bool) -> Alert {
        let now = self.clock.now();
        Alert {
            labels: Labels::new(labels.iter().copied()),
            annotations: Labels::new([("summary", "p95 is high")]),
            value: 97.0,
            starts_at: Timestamp(1_000_000_000_000),
            resolved_at: ended.then_some(now),
            valid_until: now.plus(Duration::from_secs(86_400)),
            generator_url: String::new(),
            trace_ids: Vec::new(),
            trace_link: "".into(),
        }
    }
}

fn routing(url: &str) -> Routing {
    let text = format!(
        "
route: {{receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 1h}}
receivers:
  - name: team
    webhook_configs:
      - url: {url}/hook
        http_config: {{authorization: {{credentials: s3cret}}}}
"
    );
    Routing::parse("routes.yml", &text).unwrap()
}

#[tokio::test]
async fn a_webhook_gets_the_group_after_its_wait_a_failed_one_again_and_the_end() {
    let (url, mut receiver) = server(&[503, 500]).await;
    let mut told = Told::new(Config { routing: Some(routing(&url)), ..Config::default() }, Vec::new());
    let (a, b) = (
        told.alert(&[("alertname", "Slow"), ("op", "a")], false),
        told.alert(&[("alertname", "Slow"), ("op", "b")], false),
    );
    told.notifier.take(&[a, b]);
    told.after(9);
    assert!(receiver.try_recv().is_err(), "the group waits");
    told.after(1);
    for status in ["503", "500", "200"] {
        let (path, authorization, body) = told.arrives(&mut receiver).await;
        assert_eq!((path.as_str(), authorization.as_deref()), ("/hook", Some("Bearer s3cret")), "{status}");
        assert_eq!((&body["status"], body["alerts"].as_array().unwrap().len()), (&Value::from("firing"), 2));
    }
    let ended = [
        told.alert(&[("alertname", "Slow"), ("op", "a")], true),
        told.alert(&[("alertname", "Slow"), ("op", "b")], true),
    ];
    told.notifier.take(&ended);
    told.after(60);
    let (_, _, body) = told.arrives(&mut receiver).await;
    assert_eq!(body["status"], "resolved");
    assert!(receiver.try_recv().is_err(), "nothing twice");
    assert_eq!(told.internal.counted(Counter::NotificationFailed), 0);
}

#[tokio::test]
async fn a_message_that_is_refused_is_counted_and_made_again_with_the_group() {
    let (url, mut receiver) = server(&[400]).await;
    let mut told = Told::new(Config { routing: Some(routing(&url)), ..Config::default() }, Vec::new());
    let slow = told.alert(&[("alertname", "Slow")], false);
    told.notifier.take(&[slow]);
    told.after(10);
    told.arrives(&mut receiver).await;
    assert_eq!(told.internal.counted(Counter::NotificationFailed), 1);
    told.after(60);
    let (_, _, body) = told.arrives(&mut receiver).await;
    assert_eq!(body["notification_reason"], "first notification");
}

#[tokio::test]
async fn an_alertmanager_that_was_down_gets_the_newest_state_of_every_alert_once() {
    let (url, mut receiver) = server(&[503, 503]).await;
    let alertmanagers = vec![AlertmanagerEndpoint { url, http: Http::default() }];
    let mut told = Told::new(Config { alertmanagers, ..Config::default() }, Vec::new());
    let (a, b) = (told.alert(&[("alertname", "A")], false), told.alert(&[("alertname", "B")], false));
    told.notifier.take(&[a, b]);
    told.after(0);
    told.arrives(&mut receiver).await;
    told.after(2);
    told.arrives(&mut receiver).await;
    let ended = told.alert(&[("alertname", "B")], true);
    told.notifier.take(&[ended]);
    told.after(40);
    let (path, _, body) = told.arrives(&mut receiver).await;
    assert_eq!(path, "/api/v2/alerts");
    let names: Vec<&str> =
        body.as_array().unwrap().iter().map(|alert| alert["labels"]["alertname"].as_str().unwrap()).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(body[1]["endsAt"], "1970-01-01T00:16:42Z");
    told.after(40);
    assert!(receiver.try_recv().is_err(), "nothing twice");
    assert_eq!(told.internal.counted(Counter::NotificationFailed), 0);
}

#[derive(Debug)]
struct Own(mpsc::UnboundedSender<Notification>);

impl Channel for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn send<'a>(&'a self, notification: &'a Notification) -> Sending<'a> {
        self.0.send(notification.clone()).unwrap();
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_channel_of_the_hosts_own_is_throttled_told_what_was_held_back_and_drained_at_the_end() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let rate_limit = RateLimit { messages: 1, per: Duration::from_secs(400) };
    let own: Arc<dyn Channel> = Arc::new(Own(sender));
    let mut told = Told::new(Config { rate_limit, ..Config::default() }, vec![("anybody".to_owned(), own)]);
    let first = told.alert(&[("alertname", "A")], false);
    told.notifier.take(&[first]);
    told.after(30);
    tokio::task::yield_now().await;
    assert_eq!(receiver.try_recv().unwrap().alerts.len(), 1);
    told.after(0);
    let second = told.alert(&[("alertname", "B")], false);
    told.notifier.take(&[second]);
    told.after(300);
    tokio::task::yield_now().await;
    assert!(receiver.try_recv().is_err(), "the limit holds it back");
    assert_eq!(told.internal.counted(Counter::NotificationSuppressed), 1);
    told.clock.advance(Duration::from_secs(100));
    told.notifier.drain(Duration::from_secs(5)).await;
    let last = receiver.try_recv().unwrap();
    assert_eq!((last.alerts.len(), last.suppressed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn draining_ends_in_time_when_nobody_answers_and_counts_what_was_not_told() {
    // Accepts and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut told = Told::new(Config { routing: Some(routing(&url)), ..Config::default() }, Vec::new());
    let slow = told.alert(&[("alertname", "Slow")], false);
    told.notifier.take(&[slow]);
    let began = tokio::time::Instant::now();
    told.notifier.drain(Duration::from_secs(3)).await;
    assert!(began.elapsed() <= Duration::from_millis(3_100), "{:?}", began.elapsed());
    assert_eq!(told.internal.counted(Counter::NotificationFailed), 1);
}

#[test]
fn a_channel_for_a_receiver_that_is_not_there_is_refused_with_the_names_that_are() {
    let (sender, _receiver) = mpsc::unbounded_channel();
    let config = Config { routing: Some(routing("http://127.0.0.1:1")), ..Config::default() };
    let own: Arc<dyn Channel> = Arc::new(Own(sender));
    let error = Notifier::new(config, vec![("teem".to_owned(), own)], Arc::default(), Clock::system()).unwrap_err();
    assert_eq!(error.to_string(), "channel own: \"teem\" is not valid; expected a receiver of the routing file: team");
}
