//! The thread `bellwether-web`: accept, serve, end.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::config::Web;
use super::desk::Desk;
use super::routes::router;
use crate::Error;
use crate::internal::Counter;
use crate::layer;
use crate::pipeline::Handle;

/// How long a client may take to send the head of a request, and keep a connection open between two.
const HEAD: Duration = Duration::from_secs(30);
/// Bytes of the head of a request at most, and of what is read ahead.
const HEAD_SIZE: usize = 64 << 10;
/// How long a connection lives, whatever it does; a client that reads nothing is rid of that way.
const LIFE: Duration = Duration::from_secs(600);
/// How long requests under way may take when their connection is to end.
const GRACE: Duration = Duration::from_secs(5);
/// What is left of a shutdown's deadline for saying that the server has ended.
const RESERVE: Duration = Duration::from_millis(20);
/// Pause after the system refused a connection, so as not to ask again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// A port that is open. Nobody is answered before [`Listener::serve`].
#[derive(Debug)]
pub(crate) struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
    web: Web,
}

impl Listener {
    /// Opens the port.
    ///
    /// # Errors
    /// An address that is none, or a port that is taken.
    pub(crate) fn bind(web: Web) -> Result<Self, Error> {
        let address = web.address()?;
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => web.invalid(
                address.to_string(),
                "a port that is free: another program listens on this one; choose another, or 0 for any free one",
            ),
            io::ErrorKind::PermissionDenied => web
                .invalid(address.to_string(), "a port that this program may open (below 1024 that takes a privilege)"),
            io::ErrorKind::AddrNotAvailable => web.invalid(address.to_string(), "an address of this machine"),
            _ => Error::system("open the port of the HTTP API", error),
        };
        let socket = std::net::TcpListener::bind(address).map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address, web })
    }

    /// Where it listens; the port is a real one.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers on a thread of its own until the pipeline ends; a shutdown waits for it.
    ///
    /// # Errors
    /// When the operating system refuses the thread, or the descriptors of a runtime.
    pub(crate) fn serve(self, handle: &Handle) -> io::Result<()> {
        let Some(desk) = Desk::new(handle.clone(), self.web) else { return Ok(()) };
        let (desk, hold, socket) = (Arc::new(desk), handle.hold(), self.socket);
        let (ready, made) = sync_channel(1);
        std::thread::Builder::new().name("bellwether-web".into()).spawn(move || {
            layer::suppress_thread();
            // Queries run on the blocking threads of this runtime, which end when they are idle.
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().thread_name("bellwether-query").on_thread_start(layer::suppress_thread);
            let made = builder.max_blocking_threads(Web::QUERIES + 1).build();
            let runtime = match made {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            drop(catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(socket, desk)))));
            drop(hold);
            // Does not wait for a query that has not noticed yet.
            runtime.shutdown_background();
        })?;
        made.recv().unwrap_or_else(|_| Err(io::Error::other("the thread of the HTTP API ended at once")))
    }
}

async fn run(socket: std::net::TcpListener, desk: Arc<Desk>) {
    let Ok(listener) = TcpListener::from_std(socket) else { return };
    let router = router(Arc::clone(&desk));
    let (end, ended) = watch::channel(false);
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok(_) if connections.len() >= desk.web.max_connections => {
                        desk.count(Counter::WebConnectionRefused);
                    }
                    Ok((stream, _)) => {
                        let (desk, serving) = (Arc::clone(&desk), serve(stream, router.clone(), ended.clone()));
                        connections.spawn(async move {
                            if serving.await == Served::Refused {
                                desk.count(Counter::WebRequestRefused);
                            }
                        });
                    }
                    Err(_) => {
                        desk.count(Counter::WebConnectionRefused);
                        sleep(PAUSE).await;
                    }
                },
            }
        }
    };
    let deadline = tokio::select! {
        biased;
        deadline = desk.handle.ending() => deadline.unwrap_or_else(Instant::now),
        () = accept => return,
    };
    drop(listener);
    desk.stop.store(true, Ordering::Relaxed);
    end.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // Those that are left end with the runtime.
    let _all_ended = timeout_at(deadline.checked_sub(RESERVE).unwrap_or(deadline), all).await;
}

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
enum Served {
    Ended,
    /// The head of a request was too large, or none, or the first did not come in time.
    Refused,
}

/// One connection, until its end or ours.
async fn serve(stream: TcpStream, router: Router, mut ended: watch::Receiver<bool>) -> Served {
    // Without it the last packet of an answer waits for the client's acknowledgement.
    let _set = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_SIZE);
    let (asked, router) = (AtomicBool::new(false), TowerToHyperService::new(router));
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return match served {
            Err(error) if error.is_parse() => Served::Refused,
            // After a request it is a connection that is kept for the next one, and is silent.
            Err(error) if error.is_timeout() && !asked.load(Ordering::Relaxed) => Served::Refused,
            _ => Served::Ended,
        },
        () = sleep(LIFE) => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Whoever does not take the answer by now does not get it.
    let _finished = timeout(GRACE, connection).await;
    Served::Ended
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_counts_as_refused_and_silence_after_a_request_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cases = [
            ("", Served::Refused),
            ("GET / HT", Served::Refused),
            ("no\u{1}head\r\n\r\n", Served::Refused),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Served::Ended),
        ];
        for (sent, expected) in cases {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(sent.as_bytes()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let (_end, ended) = watch::channel(false);
            assert_eq!(serve(stream, Router::new(), ended).await, expected, "{sent:?}");
        }
    }
}
