//! The load: real requests over loopback at a steady rate, some of them wrong.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;
use tower_layer::Layer;
use tower_service::Service;

use super::corpus::{Author, Query};
use super::random::{Random, Zipf};
use crate::http;

/// Requests that may be under way at once; while there are as many, due ones are left out and counted.
const IN_FLIGHT: usize = 64;
/// Queries that people ask again and again, by Zipf's law.
const QUERIES: usize = 600;
/// Share of requests without a word in them.
const EMPTY: f64 = 0.015;
/// Share of requests whose filter is malformed.
const MALFORMED: f64 = 0.01;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last answers may take once the load has stopped.
const PATIENCE: Duration = Duration::from_secs(1);

type Http = http::Client<Client<HttpConnector, Empty<Bytes>>>;

/// What to send.
#[derive(Debug)]
pub struct Load {
    queries: Vec<Query>,
    law: Zipf,
    random: Random,
}

impl Load {
    /// Requests that depend on the seed alone.
    pub fn new(author: &Author, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let queries = (0..QUERIES).map(|_| author.query(&mut random)).collect();
        Self { queries, law: Zipf::new(QUERIES), random }
    }

    /// The next request's query.
    pub fn next_query(&mut self) -> Query {
        let mut query = self.queries[self.law.draw(&mut self.random)].clone();
        match self.random.unit() {
            share if share < EMPTY => query.text.clear(),
            share if share < EMPTY + MALFORMED => query.filter = Some(String::from("harbour")),
            _ => {}
        }
        query
    }

    /// Sends `rate` requests a second until `stop`, then waits a moment for the answers under way. Returns how many
    /// requests were left out because too many were under way.
    pub async fn run(mut self, address: SocketAddr, rate: f64, stop: impl Future<Output = ()>) -> u64 {
        let client: Http = http::ClientLayer::new().layer(Client::builder(TokioExecutor::new()).build(connector()));
        let permits = Arc::new(Semaphore::new(IN_FLIGHT));
        let (mut requests, mut left_out) = (JoinSet::new(), 0);
        // A late timer catches up: people do not wait with their requests because a service is slow.
        let mut due = time::interval(Duration::from_secs_f64(1.0 / rate));
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = requests.join_next() => {}
                _ = due.tick() => match Arc::clone(&permits).try_acquire_owned() {
                    Ok(permit) => {
                        let (client, query) = (client.clone(), self.next_query());
                        requests.spawn(async move {
                            request(client, address, query).await;
                            drop(permit);
                        });
                    }
                    Err(_) => left_out += 1,
                },
            }
        }
        let answers = async { while requests.join_next().await.is_some() {} };
        // Who is not answered by then hangs up, which the service notices.
        drop(time::timeout(PATIENCE, answers).await);
        requests.shutdown().await;
        left_out
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

/// One request. Who takes too long is hung up on.
async fn request(client: Http, address: SocketAddr, query: Query) {
    drop(time::timeout(TIMEOUT, exchange(client, address, &query)).await);
}

/// Sends the query and reads the whole answer; `None` when the connection fails.
async fn exchange(mut client: Http, address: SocketAddr, query: &Query) -> Option<()> {
    let request = Request::get(url(address, query)).body(Empty::new()).ok()?;
    let response = client.call(request).await.ok()?;
    response.into_body().collect().await.ok()?;
    Some(())
}

fn url(address: SocketAddr, query: &Query) -> String {
    let encoded = |text: &str| text.replace(' ', "+");
    let filter = query.filter.as_deref().map(|filter| format!("&filter={}", encoded(filter))).unwrap_or_default();
    format!("http://{address}/search?q={}{filter}", encoded(&query.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_sends_the_same_queries_some_again_and_again_and_some_wrong() {
        let author = Author::new();
        let queries = |seed| {
            let mut load = Load::new(&author, seed);
            (0..2_000).map(|_| load.next_query()).collect::<Vec<_>>()
        };
        let sent = queries(1);
        assert_eq!(sent, queries(1));
        let wrong =
            sent.iter().filter(|query| query.text.is_empty() || query.filter.as_deref() == Some("harbour")).count();
        assert!((20..100).contains(&wrong), "{wrong}");
        let most = sent.iter().filter(|query| **query == sent[0]).count();
        assert!(most < 600);
    }

    #[tokio::test(start_paused = true)]
    async fn the_load_does_not_wait_long_for_a_service_that_never_answers() {
        let silent = crate::demo::service::bind().await.unwrap();
        let address = silent.local_addr().unwrap();
        let start = time::Instant::now();
        Load::new(&Author::new(), 1).run(address, 1_000.0, time::sleep(Duration::from_millis(20))).await;
        assert!(start.elapsed() < 2 * PATIENCE, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_load_ends_with_the_requests_under_way_even_when_nobody_answers() {
        let listener = crate::demo::service::bind().await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let stop = time::sleep(Duration::from_millis(20));
        assert_eq!(Load::new(&Author::new(), 1).run(address, 1_000.0, stop).await, 0);
    }
}
