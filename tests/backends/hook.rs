//! A webhook that takes everything and writes it down. It answers as Slack does, where anything but `ok` is a failure.

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Result;

type Bodies = Arc<Mutex<Vec<Value>>>;

/// Ends when dropped.
pub(crate) struct Hook {
    pub(crate) url: String,
    bodies: Bodies,
    task: JoinHandle<()>,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hook {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let bodies = Bodies::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&bodies)));
        Ok(Self { url, bodies, task })
    }

    /// All messages, in the order of their coming.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Status and `alertname` of each alert of each message, in the order of their coming.
    pub(crate) fn told(&self) -> Vec<(String, String)> {
        let bodies = self.bodies();
        let alerts = bodies.iter().flat_map(|body| body["alerts"].as_array().cloned().unwrap_or_default());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        alerts.map(|alert| (text(&alert["status"]), text(&alert["labels"]["alertname"]))).collect()
    }
}

async fn serve(listener: TcpListener, bodies: Bodies) {
    while let Ok((stream, _)) = listener.accept().await {
        let bodies = Arc::clone(&bodies);
        let take = service_fn(move |request: Request<Incoming>| {
            let bodies = Arc::clone(&bodies);
            async move {
                let body = request.into_body().collect().await?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
                Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(b"ok"))))
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), take));
    }
}
