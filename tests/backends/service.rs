//! Two services that call each other, each a process: this test binary, started again.
//!
//! ```text
//!  GET /orders/{id} ──► shop ── shop.Prices/Get ──► prices ── GET /stock/{id} ──► shop
//! ```
//! They are what a user writes: `bellwether::init`, a layer around each server, a layer around each client.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Path, State};
use axum::http::{Request, Response, StatusCode, uri};
use axum::routing::get;
use bellwether::http::{Client, ClientLayer, ServerLayer};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, stdin};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower::{Layer, Service, service_fn};

use crate::Result;
use crate::program::free_ports;

/// Names of the variables that say where the services listen.
const SHOP_PORT: &str = "SHOP_PORT";
const PRICES_PORT: &str = "PRICES_PORT";
/// Longest wait for a service to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// What is known of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has a price.
    Priced,
    /// `prices` has not heard of it.
    Unknown,
    /// `shop` fails to say what it has in stock.
    Broken,
}

impl Fate {
    pub(crate) const fn of(id: u64) -> Self {
        match (id % 5, id % 7) {
            (0, _) => Self::Unknown,
            (_, 0) => Self::Broken,
            _ => Self::Priced,
        }
    }

    /// What the shop answers.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Priced => 200,
            Self::Unknown => 404,
            Self::Broken => 502,
        }
    }
}

/// Both services at work.
pub(crate) struct Services {
    pub(crate) shop_port: u16,
    children: Vec<Child>,
}

impl Services {
    /// Starts both with these variables, and `shop` with some more.
    pub(crate) async fn start(both: &[(&str, &str)], shop: &[(&str, &str)]) -> Result<Self> {
        let [shop_port, prices_port] = free_ports()?;
        let start = |name: &str, variables: &[(&str, &str)]| {
            Command::new(std::env::current_exe()?)
                .args(["service::process", "--exact", "--ignored", "--nocapture"])
                .env_clear()
                .env("RUST_LOG", "warn")
                .env("OTEL_SERVICE_NAME", name)
                .env(SHOP_PORT, shop_port.to_string())
                .env(PRICES_PORT, prices_port.to_string())
                .envs(variables.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
        };
        let children = vec![start("shop", &[both, shop].concat())?, start("prices", both)?];
        for port in [shop_port, prices_port] {
            let listens = async {
                while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                    time::sleep(LOOK).await;
                }
            };
            time::timeout(PATIENCE, listens).await.map_err(|_| "a service does not listen")?;
        }
        Ok(Self { shop_port, children })
    }

    /// Ends both, which deliver what they have.
    pub(crate) async fn stop(self) -> Result<()> {
        for mut child in self.children {
            drop(child.stdin.take());
            let status = time::timeout(PATIENCE, child.wait()).await.map_err(|_| "a service does not end")??;
            if !status.success() {
                return Err(format!("a service ended with {status}").into());
            }
        }
        Ok(())
    }
}

/// One of the services, until its input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that other tests start"]
async fn process() -> Result<()> {
    let port = |name: &str| -> Result<u16> { Ok(std::env::var(name)?.parse()?) };
    let (shop, prices) = (port(SHOP_PORT)?, port(PRICES_PORT)?);
    let telemetry = bellwether::init()?;
    let serve = match std::env::var("OTEL_SERVICE_NAME")?.as_str() {
        "shop" => serve_shop(shop, prices).boxed(),
        _ => serve_prices(prices, shop).boxed(),
    };
    let (mut input, mut nothing) = (stdin(), Vec::new());
    tokio::select! {
        served = serve => served?,
        ended = input.read_to_end(&mut nothing) => drop(ended?),
    }
    let report = telemetry.shutdown(PATIENCE);
    let all = [&report.traces, &report.metrics, &report.logs];
    if all.iter().all(|signal| signal.dropped.is_empty()) { Ok(()) } else { Err(report.to_string().into()) }
}

type Prices = Client<Channel>;

async fn serve_shop(port: u16, prices: u16) -> Result<()> {
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{prices}"))?.connect_lazy();
    let prices: Prices = ClientLayer::new().server("127.0.0.1", prices).layer(channel);
    let layer = ServerLayer::new().route(|request| request.extensions.get().map(MatchedPath::as_str));
    let router = Router::new()
        .route("/orders/{id}", get(order))
        .route("/stock/{id}", get(stock))
        .layer(layer)
        .with_state(prices);
    Ok(axum::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?, router).await?)
}

async fn order(State(prices): State<Prices>, Path(id): Path<u64>) -> StatusCode {
    let path = uri::PathAndQuery::from_static("/shop.Prices/Get");
    let mut client = tonic::client::Grpc::new(prices);
    if client.ready().await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let answer = client.unary(tonic::Request::new(Item { id }), path, ProstCodec::<Item, Item>::default()).await;
    match answer.map_err(|status| status.code()) {
        Ok(_) => StatusCode::OK,
        Err(Code::NotFound) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

async fn stock(Path(id): Path<u64>) -> StatusCode {
    if Fate::of(id) == Fate::Broken { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

/// An order, and its price.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Item {
    #[prost(uint64, tag = "1")]
    id: u64,
}

async fn serve_prices(port: u16, shop: u16) -> Result<()> {
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let service = PriceService { shop: ClientLayer::new().layer(client), port: shop };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Server::builder().layer(ServerLayer::new()).add_service(service).serve(address).await?)
}

/// What tonic's code generator would write for a service of one method.
#[derive(Clone)]
struct PriceService {
    shop: Client<legacy::Client<HttpConnector, Empty<Bytes>>>,
    port: u16,
}

impl NamedService for PriceService {
    const NAME: &'static str = "shop.Prices";
}

impl Service<Request<Body>> for PriceService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        let price = service_fn(move |item: tonic::Request<Item>| this.clone().price(item.into_inner()));
        async move { Ok(tonic::server::Grpc::new(ProstCodec::<Item, Item>::default()).unary(price, request).await) }
            .boxed()
    }
}

impl PriceService {
    async fn price(mut self, item: Item) -> std::result::Result<tonic::Response<Item>, Status> {
        if Fate::of(item.id) == Fate::Unknown {
            return Err(Status::not_found("no such order"));
        }
        let url = format!("http://127.0.0.1:{}/stock/{}?token=of-{}", self.port, item.id, item.id);
        let request = Request::get(url).body(Empty::new()).map_err(|error| Status::internal(error.to_string()))?;
        let answer = self.shop.call(request).await.map_err(|error| Status::unavailable(error.to_string()))?;
        if answer.status().is_success() { Ok(tonic::Response::new(item)) } else { Err(Status::internal("no stock")) }
    }
}
